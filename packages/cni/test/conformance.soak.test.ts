import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { upstreamPlugins } from '../../../upstream-plugins.ts';
import { SOAK, soakSeed, soakSize } from '../../../vitest.soak.ts';
import type { Conformance } from '../src/index.ts';
import { bases } from './complete-plugins.ts';
import { bundleProgram, CLI, installProgram, installScript } from './plugins.ts';

const upstream = upstreamPlugins();
const REFERENCE = upstream[0]?.dir ?? '/usr/lib/cni';
/** Time limit in milliseconds: the suite starts a program several hundred times. */
const TIMEOUT = 600_000;
/** Every fourth fault in the soak run, in turn by date; a few in `npm test`. */
const STRIDE = soakSize(19, 4);

/** A plugin of complete-plugins.ts, its faults, and the requirements that must find them. */
const FAULTS = [
  ['minimal', 'logs-on-stdout', 'ADD-1'],
  ['minimal', 'wrong-version', 'VER-3'],
  ['minimal', 'wrong-sandbox', 'ADD-3'],
  ['minimal', 'bad-index', 'ADD-8'],
  ['minimal', 'errors-exit-0', 'ENV-1,ERR-4'],
  ['minimal', 'text-errors', 'ENV-1,ERR-1,ERR-1b'],
  ['minimal', 'code-as-text', 'ENV-1,ERR-1'],
  ['minimal', 'reserved-code', 'ENV-1,ERR-3'],
  ['minimal', 'del-once', 'DEL-2'],
  ['minimal', 'check-blind', 'CHECK-2'],
  ['minimal', 'check-fails', 'CHECK-1'],
  ['minimal', 'status-speaks', 'STATUS-1'],
  ['minimal', 'gc-fails', 'GC-1'],
  ['minimal', 'any-version', 'CONF-3'],
  ['minimal', 'any-name', 'CONF-2'],
  ['minimal', 'any-stdin', 'CONF-1'],
  ['minimal', 'any-env', 'ENV-2,ENV-2b,ENV-3,ENV-6'],
  ['minimal', 'version-needs-stdin', 'VER-1'],
  ['complete', 'minds-strangers,version-needed,minds-escapes,old-shape', 'ENV-12,CONF-3b,CONF-6,RES-1'],
  ['complete', 'keeps-bridge', 'ADD-11b,DEL-1b'],
  ['complete', 'del-takes-all', 'ADD-11b'],
  ['complete', 'never-frees', 'ADD-11c,DEL-2c'],
  ['complete', 'del-needs-config,check-minds-mac,check-minds-addresses', 'CHECK-4,CHECK-4b,DEL-7'],
  ['complete', 'check-blind', 'CHECK-3,CHECK-3b,CHECK-3c'],
  ['pool', 'gc-frees-all', 'GC-1b,GC-3'],
  ['pool', 'gc-blind,status-blind', 'GC-1b,GC-2,STATUS-1c'],
  ['pool', 'one-address', 'ADD-11'],
  ['complete', 'status-blind', 'STATUS-1b'],
  ['complete', 'status-makes-links', 'STATUS-4'],
  ['complete', 'status-poisons', 'STATUS-3'],
  ['complete', 'ignores-ip,exact-keys,minds-null,args-over-runtime', 'ARGS-3,ARGS-3b,CAP-2,CAP-6b'],
  ['complete', 'ignores-runtime', 'CAP-5,CAP-6,CAP-7'],
  ['pool', 'echoes-previous', 'DELEG-2'],
  ['chained', 'ignores-runtime,drops-foreign,check-minds-interfaces', 'CAP-3,CAP-4,CHAIN-1,CHAIN-2'],
  ['delegating', 'edits-stdin,any-type,no-index', 'CONF-10,DELEG-1,DELEG-3b'],
  ['delegating', 'first-folder-only', 'ENV-11'],
  ['delegating', 'no-addresses,status-blind', 'DELEG-3,DELEG-5,STATUS-2'],
  ['delegating', 'no-cleanup', 'ADD-9b,DELEG-4'],
] as const;

/** An IPAM plugin with a fixed result. */
const FIXED = `cat > /dev/null; if [ $CNI_COMMAND = ADD ]; then echo '{"cniVersion":"1.1.0","ips":[{"address":"10.96.0.5/24"}]}'; fi`;

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'cnikit-cni conformance (needs the sandbox: run npm test at the root)',
  () => {
    let folder: string;
    let program: string;
    beforeAll(async () => {
      // It imports a plugin that runs as a program too.
      const define = { 'import.meta.main': 'false' };
      program = await bundleProgram(new URL('broken-plugins.ts', import.meta.url), define);
      folder = mkdtempSync(join(tmpdir(), 'cni-conformance-'));
      installScript(folder, 'fixed', FIXED);
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    /** Installs a plugin with faults. Returns the arguments of the command. */
    function broken(base: string, fault: string): string[] {
      const name = `${base}-${fault.split(',')[0]}`;
      const conf = join(folder, `${name}.json`);
      writeFileSync(conf, JSON.stringify(bases[base]!.conf));
      return [installProgram(folder, name, program, base, fault), '--conf', conf];
    }
    function run(plugin: string, ...more: string[]) {
      const [node, ...argv] = CLI;
      const { stdout, stderr, status } = spawnSync(node, [...argv, 'conformance', plugin, ...more], {
        encoding: 'utf8',
      });
      return { stdout, stderr, status };
    }
    function findingsOf(...[plugin = '', ...more]: string[]) {
      const { stdout, stderr, status } = run(plugin, '--json', ...more);
      expect(stderr).toBe('');
      const { findings, ...rest } = JSON.parse(stdout) as Conformance;
      const of = (verdict: string) =>
        findings.filter((finding) => finding.verdict === verdict).map(({ id }) => id);
      return { ...rest, findings, status, failed: of('fail'), warned: of('warn') };
    }

    // examples/minimal-plugin runs the complete suite on a correct plugin.
    test.runIf(SOAK).each([
      ['minimal', 'interface'],
      ['complete', 'interface'],
      ['pool', 'ipam'],
      ['chained', 'chained'],
      ['delegating', 'interface'],
    ])(
      'cnikit-cni conformance passes the plugin %s without faults',
      (base, expected) => {
        const ids = [...new Set(FAULTS.flatMap(([of, , found]) => (of === base ? found.split(',') : [])))];
        const { status, kind, findings, failed, warned } = findingsOf(
          ...broken(base, 'none'),
          '--only',
          ids.join(','),
        );
        expect([failed, warned, status, kind]).toEqual([[], [], 0, expected]);
        expect(findings.filter(({ verdict }) => verdict === 'pass').length).toBeGreaterThanOrEqual(
          ids.length,
        );
      },
      TIMEOUT,
    );

    test.each(FAULTS.filter((_, i) => i % STRIDE === soakSeed(0) % STRIDE))(
      'cnikit-cni conformance finds a fault of %s: %s by %s',
      (base, fault, ids) => {
        // The first ADD determines the kind of plugin, so it cannot be broken.
        const { findings, failed, warned, status } = findingsOf(...broken(base, fault), '--only', ids);
        const met = findings.filter(({ id, verdict }) => ids.split(',').includes(id) && verdict === 'pass');
        expect(met).toEqual([]);
        expect([...failed, ...warned].sort()).toEqual(ids.split(',').sort());
        expect(status).toBe(failed.length > 0 ? 1 : 0);
      },
      TIMEOUT,
    );

    test('The example of README.md runs', () => {
      const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
      const example = join(import.meta.dirname, '../build/test/readme.ts');
      writeFileSync(example, /^```ts\n(.*?)^```/ms.exec(readme)![1]!);
      const plugin = installProgram(folder, 'readme', program, 'minimal', 'none');
      const { stdout, stderr, status } = spawnSync(
        process.execPath,
        ['--conditions=@cnikit/source', example],
        {
          encoding: 'utf8',
          env: { ...process.env, PLUGIN: plugin },
        },
      );
      expect([stdout, stderr, status]).toEqual(['2 passed, 0 failed, 0 warnings, 0 skipped\n', '', 0]);
    });

    test('cnikit-cni conformance asks for a configuration when ADD fails', () => {
      const { stderr, status } = run(installScript(folder, 'dead', 'exit 1'));
      expect(stderr).toContain('pass a configuration with --conf');
      expect(status).toBe(1);
    });

    test('cnikit-cni conformance prints a table and writes JUnit XML', () => {
      const plugin = installProgram(folder, 'table', program, 'minimal', 'check-blind');
      const junit = join(folder, 'junit.xml');
      const { stdout, status } = run(plugin, '--only', 'ENV-1,CHECK-2,ADD-5', '--junit', junit);
      expect(status).toBe(1);
      expect(stdout).toMatch(
        /^pass {2}ENV-1 .*\n +add, FOO: code 4\nskip {2}ADD-5 .*\n.*\nfail {2}CHECK-2 .*\n +CHECK succeeded: exit 0, no output\n\n.*: 1 passed, 1 failed, 0 warnings, 1 skipped\n$/,
      );
      expect(readFileSync(junit, 'utf8')).toContain('<testsuites tests="3" failures="1" skipped="1">');
    });

    test.runIf(SOAK).each(upstream)(
      'cnikit-cni conformance finds the known faults of upstream $version',
      ({ dir, version }) => {
        const failedOf = (type: string) => findingsOf(`${dir}/${type}`, '--path', dir).failed;
        // Plugins of 1.1.1 do not know GC.
        expect(failedOf('bridge')).toEqual(version.startsWith('1.1.') ? [] : ['DELEG-5']);
        expect(failedOf('host-local')).toEqual([]);
      },
      TIMEOUT,
    );

    test.runIf(SOAK && existsSync(`${REFERENCE}/host-local`))(
      'cnikit-cni conformance tests a delegating plugin at the version of its delegate',
      () => {
        const conf = join(folder, 'conf.json');
        writeFileSync(
          conf,
          JSON.stringify({
            cniVersion: '1.0.0',
            ipam: { type: 'host-local', ranges: [[{ subnet: '10.99.0.0/26' }]] },
          }),
        );
        const { failed, warned, findings } = findingsOf(
          installProgram(folder, 'delegates', program, 'minimal', 'none'),
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
        ).toHaveLength(5);
      },
      TIMEOUT,
    );
  },
);
