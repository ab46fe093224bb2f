/** The plugin's verbs with its C code under gcc's sanitizers, which abort at the first error. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { buildStaticExecutable } from '@cnikit/static-exe';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SOAK } from '../../../vitest.soak.ts';
import { lazyScripts } from '../scripts/lazy-scripts.ts';
import { env, inSandbox } from './harness.ts';
import { ruleset } from './nat-state.ts';
import { scratch } from './scratch.ts';

const SLOW = 600_000;

// The build alone takes longer than any suite of `npm test`.
describe.skipIf(!inSandbox || !SOAK)(
  'the plugin under sanitizers (needs the sandbox: run npm test at the root)',
  () => {
    const here = scratch();
    let folder: string;
    let executable: string;
    beforeAll(async () => {
      folder = mkdtempSync('/run/cnikit-sanitized-');
      const { path } = await buildStaticExecutable({
        entry: join(import.meta.dirname, 'sanitized-main.ts'),
        lazy: lazyScripts,
        sanitize: true,
        outfile: join(folder, 'cnikit'),
      });
      executable = path;
    }, SLOW);
    afterAll(() => rmSync(folder, { recursive: true }));

    const limits = { ingressRate: 8000, ingressBurst: 80_000, egressRate: 8000, egressBurst: 80_000 };
    const portMappings = [
      { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
      { hostPort: 5300, containerPort: 53, protocol: 'udp' },
      { hostPort: 8081, containerPort: 81, protocol: 'sctp', hostIP: '127.0.0.1' },
    ];
    const ports = { runtimeConfig: { portMappings } };

    test.each([
      ['bandwidth', limits],
      ['ipMasq', { ipMasq: true }],
      ['portMappings', ports],
      ['ipMasq, portMappings and bandwidth', { ipMasq: true, ...ports, ...limits }],
      [
        'ipMasq and portMappings by iptables',
        { ipMasq: true, ipMasqBackend: 'iptables', backend: 'iptables', ...ports },
      ],
      ['macspoofchk', { ipMasq: true, macspoofchk: true }],
    ])(
      'cnikit runs every verb without a sanitizer error with %s',
      (_, fields) => {
        const pod = here.pod();
        const conf = {
          cniVersion: '1.1.0',
          name: 'net',
          bridge: 'asan0',
          isDefaultGateway: true,
          ipam: {
            type: 'host-local',
            dataDir: here.dir,
            ranges: [[{ subnet: '10.92.0.0/24' }], [{ subnet: 'fd92::/64' }]],
          },
          ...fields,
          'cni.dev/valid-attachments': [],
        };
        const run = (command: string, changes: object = {}) => {
          const input = JSON.stringify({ ...conf, ...changes });
          const PATH = process.env.PATH ?? '';
          const done = spawnSync(executable, {
            env: env(command, 'c1', pod, { PATH }),
            input,
            encoding: 'utf8',
          });
          expect([command, done.stderr]).toEqual([command, '']);
          return { status: done.status, json: done.stdout === '' ? undefined : JSON.parse(done.stdout) };
        };
        expect(run('VERSION').status).toBe(0);
        expect(run('STATUS').status).toBe(0);
        const { status, json: prevResult } = run('ADD');
        expect(status).toBe(0);
        expect(run('ADD').json).toMatchObject({ code: 999 });
        expect(run('CHECK', { prevResult }).status).toBe(0);
        expect(run('ADD', { mtu: 'x' }).json).toMatchObject({ code: 7 });
        for (const command of ['DEL', 'DEL', 'GC']) {
          expect([command, run(command).status]).toEqual([command, 0]);
        }
        expect(here.reservations()).toEqual([]);
        expect(ruleset()).toMatch(/^(table ip6? nat \{[^{}]*(\{[^{}]*\}[^{}]*)*\}\s*)*$/);
      },
      SLOW,
    );
  },
);
