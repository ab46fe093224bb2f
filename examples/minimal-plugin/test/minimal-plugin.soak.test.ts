import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { bundleProgram, installProgram } from '../../../packages/cni/test/plugins.ts';
import { SOAK, soakSize } from '../../../vitest.soak.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Requirements that `npm test` checks. */
const SAMPLE = SOAK ? [] : ['--only', 'VER-1,ADD-1,DEL-2'];

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'minimal-plugin (needs the sandbox: run npm test at the root)',
  () => {
    test('minimal-plugin conforms to the CNI specification', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'minimal-plugin-'));
      try {
        // The suite starts it several hundred times.
        const bundle = await bundleProgram(new URL('../minimal-plugin.ts', import.meta.url));
        const plugin = installProgram(folder, 'minimal-plugin', bundle);
        const suite = ['--conditions=@cnikit/source', path('../../../packages/cni/src/cli.ts')];
        const { stdout, stderr } = spawnSync(
          process.execPath,
          [...suite, 'conformance', plugin, '--json', ...SAMPLE],
          {
            encoding: 'utf8',
          },
        );
        expect(stderr).toBe('');
        const { findings } = JSON.parse(stdout) as {
          findings: { id: string; verdict: string; seen: string }[];
        };
        expect(findings.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
        expect(findings.filter(({ verdict }) => verdict === 'pass').length).toBeGreaterThanOrEqual(
          soakSize(3, 40),
        );
      } finally {
        rmSync(folder, { recursive: true });
      }
    }, 600_000);
  },
);
