/** Addresses after the folder of reservations was lost while pods run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { executablePath } from '../src/executable-path.ts';
import { env, inSandbox, ok } from './harness.ts';
import { type Answer, byExec, invokers, isUpstreamPinned, runUpstream } from './invoke.ts';
import type { Pod } from './namespaces.ts';
import { runtime } from './runtime.ts';
import { scratch } from './scratch.ts';

const PLUGINS = ['cnikit', 'bridge', 'ptp', 'routed'];

describe.skipIf(!inSandbox).each(invokers)(
  'lost reservations by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const { record, start } = runtime();

    const conf = (changes: object = {}) => ({
      cniVersion: '1.0.0',
      name: 'net',
      type: 'bridge',
      bridge: 'lost0',
      isGateway: true,
      ipam: {
        type: 'host-local',
        dataDir: here.dir,
        ranges: [[{ subnet: '10.83.0.0/24' }], [{ subnet: 'fd83::/64' }]],
      },
      ...changes,
    });
    type Invoker = typeof invoke;
    const call = (command: string, id: string, pod: Pod, type: string, by: Invoker = invoke) =>
      type === 'routed'
        ? ok(by(env(command, id, pod), conf({ type: 'cnikit', layout: 'routed' }), 'cnikit'))
        : ok(by(env(command, id, pod), conf({ type }), type));
    const addressesOf = ({ json }: Answer): string[] =>
      json.ips.map(({ address }: { address: string }) => address.split('/', 1)[0]);
    const addMany = (count: number, prefix: string, type: string) =>
      Array.from({ length: count }, (_unused, i) => {
        const pod = here.pod();
        const answer = call('ADD', `${prefix}${i}`, pod, type);
        return { id: `${prefix}${i}`, pod, answer, addresses: addressesOf(answer) };
      });
    const lose = () => {
      rmSync(here.dir, { recursive: true });
      mkdirSync(here.dir);
    };
    const expectUnique = (pods: readonly { addresses: string[] }[]) => {
      const all = pods.flatMap(({ addresses }) => addresses);
      expect(all).toHaveLength(2 * pods.length);
      expect(new Set(all).size).toBe(all.length);
    };

    test.each(PLUGINS)('%s ADD gives no address of a running pod after the folder was lost', (type) => {
      const old = addMany(3, 'old', type);
      lose();
      const fresh = addMany(4, 'new', type);
      expectUnique([...old, ...fresh]);
      for (const { id, pod } of [...old, ...fresh]) {
        call('DEL', id, pod, type);
      }
      expect(here.reservations()).toEqual([]);
    });

    test.each(PLUGINS)(
      '%s ADD reserves the addresses of the runtime’s pods again, so that DEL frees them',
      (type) => {
        const old = addMany(3, 'old', type);
        for (const { id, pod, answer } of old) {
          record(id, pod, { result: answer.json });
        }
        const ended = old[2]!;
        lose();
        // A record without its pod: the node's link is gone.
        call('DEL', ended.id, ended.pod, type);
        const fresh = addMany(1, 'new', type);
        const [first, second] = old as [(typeof old)[0], (typeof old)[0]];
        expectUnique([first, second, ...fresh]);
        const owned = (address: string) => readFileSync(`${here.dir}/net/${address}`, 'utf8');
        for (const { id, addresses } of [first, second, ...fresh]) {
          expect(addresses.map(owned)).toEqual([`${id}\r\neth0`, `${id}\r\neth0`]);
        }
        expect(here.reservations()).toHaveLength(6);
        call('DEL', first.id, first.pod, type);
        expect(here.reservations().sort()).toEqual([...second.addresses, ...fresh[0]!.addresses].sort());
      },
    );

    test('Two concurrent ADDs after the loss give different addresses, none of a running pod', async () => {
      const old = addMany(2, 'old', 'cnikit');
      lose();
      const fresh = await Promise.all(
        [here.pod(), here.pod(), here.pod()].map(async (pod, i) => {
          const child = spawn(executablePath(), {
            argv0: 'cnikit',
            env: env('ADD', `new${i}`, pod),
            stdio: ['pipe', 'pipe', 'inherit'],
          });
          let stdout = '';
          child.stdout.on('data', (text) => (stdout += text));
          child.stdin.end(JSON.stringify(conf()));
          await once(child, 'close');
          return { addresses: addressesOf({ json: JSON.parse(stdout) } as Answer) };
        }),
      );
      expectUnique([...old, ...fresh]);
    });

    test('cnikit ADD gives no address of a neighbour behind the bridge, whose namespace has no file', async () => {
      const [old] = addMany(1, 'old', 'cnikit');
      const { pod, addresses } = old!;
      await start(pod);
      for (const gateway of ['10.83.0.1', 'fd83::1']) {
        pod.run('ping', '-c', '1', '-w', '10', gateway);
      }
      pod.remove();
      lose();
      expectUnique([{ addresses }, ...addMany(2, 'new', 'cnikit')]);
    });

    test('cnikit ADD gives an address of another network’s pod, which has another bridge', () => {
      const pod = here.pod();
      const other = ok(invoke(env('ADD', 'other', pod), conf({ name: 'other', bridge: 'lost1' })));
      const [fresh] = addMany(1, 'new', 'cnikit');
      expect(fresh?.addresses).toEqual(addressesOf(other));
    });

    test('cnikit ADD looks at no namespace again because of a pod with an address of other ranges', () => {
      const other = here.pod();
      ok(
        invoke(
          env('ADD', 'other', other),
          conf({
            name: 'other',
            type: 'ptp',
            ipam: { type: 'host-local', dataDir: here.dir, subnet: '10.84.0.0/24' },
          }),
          'ptp',
        ),
      );
      addMany(1, 'new', 'cnikit');
      const index = `${here.dir}/.cnikit/net`;
      expect(readdirSync(index).filter((name) => name.startsWith('.seal'))).not.toContain('.seal:incomplete');
    });

    test.skipIf(!isUpstreamPinned)(
      'host-local ADD for upstream’s bridge gives no address of a running pod',
      () => {
        const mixed: Invoker = (...args) => byExec(...args);
        const pod = here.pod();
        const old = ok(runUpstream(env('ADD', 'old', pod), conf(), 'bridge'));
        lose();
        const next = ok(mixed(env('ADD', 'new', here.pod()), conf(), 'host-local'));
        expectUnique([{ addresses: addressesOf(old) }, { addresses: addressesOf(next) }]);
      },
    );
  },
);
