/** Runs `cnikit-cni conformance` on the executable, under each plugin name, and under Node. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sys } from '@cnikit/sys';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SOAK, soakSeed } from '../../../vitest.soak.ts';
import { executablePath } from '../src/executable-path.ts';
import { plugins } from '../src/plugins/index.ts';
import { inSandbox } from './harness.ts';

/** The suite runs the plugin several hundred times. */
const SLOW = 1_200_000;
const CLI = join(import.meta.dirname, '../../cni/src/cli.ts');
/** The main plugin, and every third of the others in turn by date. */
const NAMES = [...plugins(sys).keys()].filter((name, i) => name === 'cnikit' || i % 3 === soakSeed(0) % 3);

describe.skipIf(!inSandbox)('the conformance suite (needs the sandbox: run npm test at the root)', () => {
  // Outside /run, which the suite hides.
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'cnikit-conformance-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function unmet(plugin: string, ...more: string[]): { failed: string[]; passed: number } {
    const argv = ['--conditions=@cnikit/source', CLI, 'conformance', plugin, '--json', ...more];
    const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
    expect(stderr).toBe('');
    const { findings } = JSON.parse(stdout) as {
      findings: { id: string; verdict: string; level: string; seen: string }[];
    };
    const failed = findings.filter(({ verdict }) => verdict === 'fail');
    return {
      failed: failed.map(({ id, seen }) => `${id}: ${seen}`),
      passed: findings.filter(({ verdict }) => verdict === 'pass').length,
    };
  }

  test.runIf(SOAK).each(NAMES)(
    '%s meets every MUST of the conformance suite',
    (name) => {
      const path = join(folder, name);
      symlinkSync(executablePath(), path);
      const { failed, passed } = unmet(path);
      expect(failed).toEqual([]);
      expect(passed).toBeGreaterThan(30);
    },
    SLOW,
  );

  test.runIf(SOAK)(
    'cnikit meets every MUST of the conformance suite under Node',
    async () => {
      const script = join(import.meta.dirname, '../build/test/node-main.mjs');
      await build({
        entryPoints: [join(import.meta.dirname, 'node-main.ts')],
        outfile: script,
        bundle: true,
        format: 'esm',
        platform: 'node',
        conditions: ['@cnikit/source'],
        // @cnikit/sys locates its addon relative to its own file.
        external: ['@cnikit/sys'],
        logLevel: 'error',
      });
      const path = join(folder, 'node');
      const cache = `export NODE_COMPILE_CACHE="${folder}/cache"`;
      const start = `exec "${process.execPath}" --conditions=@cnikit/source "${script}" cnikit`;
      writeFileSync(path, `#!/bin/sh\n${cache}\n${start}\n`, { mode: 0o755 });
      const conf = join(folder, 'conf.json');
      const ipam = { type: 'host-local', ranges: [[{ subnet: '10.99.0.0/26' }]] };
      writeFileSync(conf, JSON.stringify({ bridge: 'cnt0', isGateway: true, ipam }));
      const { failed, passed } = unmet(path, '--conf', conf);
      expect(failed).toEqual([]);
      expect(passed).toBeGreaterThan(40);
    },
    SLOW,
  );
});
