import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Conformance } from '../src/index.ts';
import { bundleProgram, CLI, installProgram, installScript } from './plugins.ts';

const REFERENCE = '/usr/lib/cni';
/** The suite starts a program some hundred times; on a busy machine that takes its time. */
const SLOW = 600_000;

/** What is wrong with the plugin, and the requirements that have to say so. */
const FAULTS = [
  ['logs-on-stdout', 'ADD-1'],
  ['wrong-version', 'VER-3'],
  ['wrong-sandbox', 'ADD-3'],
  ['bad-index', 'ADD-8'],
  ['errors-exit-0', 'ENV-1,ERR-4'],
  ['text-errors', 'ENV-1,ERR-1'],
  ['code-as-text', 'ENV-1,ERR-1'],
  ['reserved-code', 'ENV-1,ERR-3'],
  ['del-once', 'DEL-2'],
  ['check-blind', 'CHECK-2'],
  ['check-fails', 'CHECK-1'],
  ['status-speaks', 'STATUS-1'],
  ['gc-fails', 'GC-1'],
  ['any-version', 'CONF-3'],
  ['any-name', 'CONF-2'],
  ['any-stdin', 'CONF-1'],
  ['any-env', 'ENV-2,ENV-3,ENV-6'],
  ['version-needs-stdin', 'VER-1'],
] as const;

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'cnikit-cni conformance (needs the sandbox: run npm test at the root)',
  () => {
    let folder: string;
    let faulty: string;
    beforeAll(async () => {
      faulty = await bundleProgram('faulty');
      folder = mkdtempSync(join(tmpdir(), 'cni-conformance-'));
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    function run(plugin: string, ...more: string[]) {
      const [node, ...argv] = CLI;
      const { stdout, stderr, status } = spawnSync(node, [...argv, 'conformance', plugin, ...more], {
        encoding: 'utf8',
      });
      return { stdout, stderr, status };
    }
    function tried(plugin: string, ...more: string[]) {
      const { stdout, stderr, status } = run(plugin, '--json', ...more);
      expect(stderr).toBe('');
      const { findings, ...rest } = JSON.parse(stdout) as Conformance;
      const of = (verdict: string) =>
        findings.filter((finding) => finding.verdict === verdict).map(({ id }) => id);
      return { ...rest, findings, status, failed: of('fail'), warned: of('warn') };
    }

    // All of it, on a good plugin, is what examples/minimal-plugin tests.
    test(
      'finds nothing where the faults below are not',
      () => {
        const ids = [...new Set(FAULTS.flatMap(([, found]) => found.split(',')))];
        const { failed, status, kind, findings } = tried(
          installProgram(folder, 'good', faulty, 'none'),
          '--only',
          ids.join(','),
        );
        expect([failed, status, kind]).toEqual([[], 0, 'interface']);
        expect(findings.filter(({ verdict }) => verdict === 'pass').length).toBeGreaterThanOrEqual(
          ids.length,
        );
      },
      SLOW,
    );

    test.each(FAULTS)('finds the fault %s by %s', (fault, ids) => {
      // The first ADD decides what sort of plugin it is: with that broken nothing else can be tried.
      const { failed, status } = tried(installProgram(folder, fault, faulty, fault), '--only', ids);
      expect([failed, status]).toEqual([ids.split(','), 1]);
    });

    test('the example of the README runs', () => {
      const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
      const example = join(import.meta.dirname, '../build/test/readme.ts');
      writeFileSync(example, /^```ts\n(.*?)^```/ms.exec(readme)![1]!);
      const plugin = installProgram(folder, 'readme', faulty, 'none');
      const { stdout, stderr, status } = spawnSync(
        process.execPath,
        ['--conditions=@cnikit/source', example],
        {
          encoding: 'utf8',
          env: { ...process.env, PLUGIN: plugin },
        },
      );
      expect([stdout, stderr, status]).toEqual([
        '2 passed, 0 failed, 0 not met but no MUST, 0 skipped\n',
        '',
        0,
      ]);
    });

    test('says what to do when nothing can be tried', () => {
      const { stderr, status } = run(installScript(folder, 'dead', 'exit 1'));
      expect(stderr).toContain('give a configuration with --conf');
      expect(status).toBe(1);
    });

    test('prints a table, and writes JUnit', () => {
      const plugin = installProgram(folder, 'table', faulty, 'check-blind');
      const junit = join(folder, 'junit.xml');
      const { stdout, status } = run(plugin, '--only', 'ENV-1,CHECK-2,ADD-5', '--junit', junit);
      expect(status).toBe(1);
      expect(stdout).toMatch(
        /^pass {2}ENV-1 .*\n +add, FOO: code 4\nskip {2}ADD-5 .*\n.*\nfail {2}CHECK-2 .*\n +CHECK succeeded: exit 0, silent\n\n.*: 1 passed, 1 failed, 0 not met but no MUST, 1 skipped\n$/,
      );
      expect(readFileSync(junit, 'utf8')).toContain('<testsuites tests="3" failures="1" skipped="1">');
    });

    test.skipIf(!existsSync(`${REFERENCE}/bridge`))(
      'tries the reference plugins (Debian package containernetworking-plugins)',
      () => {
        const failedOf = (type: string) => tried(`${REFERENCE}/${type}`, '--path', REFERENCE).failed;
        expect(failedOf('bridge')).toEqual([]);
        expect(failedOf('host-local')).toEqual([]);
      },
      SLOW,
    );

    test.skipIf(!existsSync(`${REFERENCE}/host-local`))(
      'tries a plugin that delegates at the version its delegate speaks',
      () => {
        const conf = join(folder, 'conf.json');
        writeFileSync(
          conf,
          JSON.stringify({
            cniVersion: '1.0.0',
            ipam: { type: 'host-local', ranges: [[{ subnet: '10.99.0.0/26' }]] },
          }),
        );
        const { failed, warned, findings } = tried(
          installProgram(folder, 'delegates', faulty, 'none'),
          '--conf',
          conf,
          '--path',
          REFERENCE,
          '--only',
          'ADD-4,ADD-9,DEL-2,DELEG-1,DELEG-3,DELEG-4,DELEG-5',
        );
        expect([failed, warned]).toEqual([[], []]);
        expect(
          findings.filter(({ id, verdict }) => id.startsWith('DELEG') && verdict === 'pass'),
        ).toHaveLength(4);
      },
      SLOW,
    );
  },
);
