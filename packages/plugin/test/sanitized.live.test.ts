/** The plugin's verbs with its C under gcc's sanitizers, which end the process at the first finding. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildStaticExecutable } from '@cnikit/static-exe';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { env, inSandbox } from './harness.ts';
import { scratch } from './scratch.ts';

const SLOW = 600_000;

describe.skipIf(!inSandbox)(
  'the plugin under sanitizers (needs the sandbox: run npm test at the root)',
  () => {
    const here = scratch();
    let folder: string;
    let executable: string;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'sanitized-'));
      const { path } = await buildStaticExecutable({
        entry: join(import.meta.dirname, 'sanitized-main.ts'),
        lazy: { explain: join(import.meta.dirname, '../src/explain.lazy.ts') },
        sanitize: true,
        outfile: join(folder, 'cnikit'),
      });
      executable = path;
    }, SLOW);
    afterAll(() => rmSync(folder, { recursive: true }));

    test(
      'have no finding',
      () => {
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
          ingressRate: 8000,
          ingressBurst: 80_000,
          egressRate: 8000,
          egressBurst: 80_000,
          'cni.dev/valid-attachments': [],
        };
        const run = (command: string, changes: object = {}) => {
          const input = JSON.stringify({ ...conf, ...changes });
          const done = spawnSync(executable, { env: env(command, 'c1', pod), input, encoding: 'utf8' });
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
        for (const command of ['DEL', 'DEL', 'GC'])
          expect([command, run(command).status]).toEqual([command, 0]);
        expect(here.reservations()).toEqual([]);
      },
      SLOW,
    );
  },
);
