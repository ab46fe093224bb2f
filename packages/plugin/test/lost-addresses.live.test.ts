/** Requested addresses that sandboxes hold which the runtime lost: their containers are gone, their namespaces are not. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { sys } from '@cnikit/sys';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { executablePath } from '../src/executable-path.ts';
import { hostVethName } from '../src/links/names.ts';
import { lostSandboxes } from '../src/records/lost-sandboxes.ts';
import { env, fails, inSandbox, ok } from './harness.ts';
import { type Answer, invokers } from './invoke.ts';
import { type Pod, run } from './namespaces.ts';
import { cniArgs, recordOf, runtime } from './runtime.ts';
import { scratch } from './scratch.ts';

const BIN = '/run/lost-addresses-bin';
const ADDRESSES = ['10.85.0.7', 'fd85::7'];
const TAKEN = /requested IP address 10\.85\.0\.7 is not available in range set/;
const hostEndOfA = hostVethName('net', 'a', 'eth0');

describe.skipIf(!inSandbox).each(invokers)(
  'requested addresses of lost sandboxes by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const { record, age, start } = runtime();
    beforeEach(() => {
      mkdirSync(BIN, { recursive: true });
      for (const type of ['cnikit', 'bridge', 'ptp']) {
        symlinkSync(executablePath(), `${BIN}/${type}`);
      }
    });
    afterEach(() => rmSync(BIN, { recursive: true }));

    const conf = (changes: object) => ({
      cniVersion: '1.0.0',
      name: 'net',
      type: 'cnikit',
      bridge: 'lost0',
      ipam: {
        type: 'host-local',
        dataDir: here.dir,
        ranges: [[{ subnet: '10.85.0.0/24' }], [{ subnet: 'fd85::/64' }]],
      },
      ...changes,
    });
    const environment = (id: string, pod: Pod, name: string, args = '') =>
      env('ADD', id, pod, {
        PATH: process.env.PATH ?? '',
        CNI_PATH: BIN,
        CNI_ARGS: `${cniArgs(name)}${args}`,
      });
    const REQUEST = { runtimeConfig: { ips: ADDRESSES } };
    /** Runs ADD as a runtime does, which records the result. */
    const add = (id: string, pod: Pod, name: string, changes: object = REQUEST, args = ''): Answer => {
      const whole = conf(changes);
      const answer = invoke(environment(id, pod, name, args), whole, whole.type);
      if (answer.exitCode === 0) {
        const { cniVersion: _version, name: _network, ...plugin } = whole;
        record(id, pod, {
          name,
          plugins: [{ ...plugin, capabilities: { ips: true, portMappings: true } }],
          capabilityArgs: (changes as { runtimeConfig?: object }).runtimeConfig,
          result: answer.json,
        });
      }
      return answer;
    };
    /** Adds a pod whose process is visible, so that others' would be too. */
    const addLiving = async () => {
      const living = here.pod();
      await start(living);
      ok(add('living', living, 'living', {}));
    };
    const ownerOf = (address: string) => readFileSync(`${here.dir}/net/${address}`, 'utf8').split('\r\n')[0];
    const hasLink = (name: string) => run('ip', '-o', 'link').includes(name);

    test.each([
      ['runtimeConfig.ips', REQUEST, '', ADDRESSES],
      ['args.cni.ips', { args: { cni: { ips: ADDRESSES } } }, '', ADDRESSES],
      ['IP in CNI_ARGS', {}, ';IP=10.85.0.7', ADDRESSES.slice(0, 1)],
    ])(
      'cnikit ADD takes the addresses of a lost sandbox that %s requests',
      async (__, changes, args, taken) => {
        await addLiving();
        ok(add('a', here.pod(), 'web-0'));
        const { json, stderr } = ok(add('b', here.pod(), 'web-0', changes, args));
        const ips = json.ips.map(({ address }: { address: string }) => address.split('/')[0]);
        expect(ips).toEqual(expect.arrayContaining(taken));
        expect(stderr).toMatch(
          /^Took address 10\.85\.0\.7 from pod default\/web-0 \(container a\): its network namespace has no process, and its pod has a new sandbox$/m,
        );
        expect(taken.map(ownerOf)).toEqual(taken.map(() => 'b'));
        // It would answer for the address.
        expect(hasLink(hostEndOfA)).toBe(false);
      },
    );

    test.each([
      ['bridge', { type: 'bridge' }],
      ['ptp', { type: 'ptp' }],
      ['cnikit with routed pods', { layout: 'routed' }],
    ])('%s ADD takes the requested addresses of a lost sandbox', async (__, changes) => {
      await addLiving();
      ok(add('a', here.pod(), 'web-0', { ...REQUEST, ...changes }));
      ok(add('b', here.pod(), 'web-0', { ...REQUEST, ...changes }));
      expect(ADDRESSES.map(ownerOf)).toEqual(['b', 'b']);
      expect(hasLink(hostEndOfA)).toBe(false);
    });

    test('cnikit ADD removes the rules of the lost sandbox, which would lead to the new pod', async () => {
      await addLiving();
      const portMappings = [{ hostPort: 8080, containerPort: 80, protocol: 'tcp' }];
      ok(add('a', here.pod(), 'web-0', { ipMasq: true, runtimeConfig: { ips: ADDRESSES, portMappings } }));
      expect(run('nft', 'list', 'ruleset')).toContain('net/a/eth0');
      ok(add('b', here.pod(), 'web-0'));
      expect(run('nft', 'list', 'ruleset')).not.toContain('net/a/eth0');
    });

    test('cnikit ADD finishes what a killed ADD began, and a later DEL of the lost sandbox changes nothing', async () => {
      await addLiving();
      const a = here.pod();
      ok(add('a', a, 'web-0'));
      run('ip', 'link', 'delete', hostEndOfA);
      rmSync(`${here.dir}/net/${ADDRESSES[0]}`);
      expect(ok(add('b', here.pod(), 'web-0')).stderr).toContain(`its link ${hostEndOfA} is gone`);
      ok(invoke({ ...environment('a', a, 'web-0'), CNI_COMMAND: 'DEL' }, conf(REQUEST)));
      expect(ADDRESSES.map(ownerOf)).toEqual(['b', 'b']);
    });

    test('cnikit ADD leaves an address to a living sandbox, and names its pod', async () => {
      await addLiving();
      const a = here.pod();
      await start(a);
      ok(add('a', a, 'web-0'));
      age('a', 60);
      const answer = add('b', here.pod(), 'web-0');
      fails(answer, 999, TAKEN);
      expect(answer.json.details).toBe(
        '10.85.0.7 is reserved for pod default/web-0 (container a). Delete that pod, or request another address',
      );
      expect(ADDRESSES.map(ownerOf)).toEqual(['a', 'a']);
      expect(hasLink(hostEndOfA)).toBe(true);
      expect(hasLink(hostVethName('net', 'b', 'eth0'))).toBe(false);
    });

    test('cnikit ADD leaves an address to a sandbox without a record, whose ADD may run', async () => {
      await addLiving();
      ok(add('a', here.pod(), 'web-0'));
      rmSync(recordOf('a'));
      run('ip', 'link', 'delete', hostEndOfA);
      const answer = add('b', here.pod(), 'web-0');
      fails(answer, 999, TAKEN);
      expect(answer.json.details).toMatch(/^10\.85\.0\.7 is reserved for container a\./);
    });

    test('lostSandboxes() finds the sandboxes that ADD would take addresses from, and no others', async () => {
      await addLiving();
      ok(add('a', here.pod(), 'web-0', {}));
      ok(add('b', here.pod(), 'web-1', {}));
      const find = (network = 'net') =>
        lostSandboxes(sys, { network, cacheDir: '/var/lib/cni', hasLink }).map((one) => [
          one.containerID,
          one.reason,
        ]);
      expect(find()).toEqual([]);
      age('a', 60);
      age('living', 60);
      expect(find()).toEqual([['a', 'its network namespace has no process, and its ADD was 60 minutes ago']]);
      expect(find('other')).toEqual([]);
      run('ip', 'link', 'delete', hostEndOfA);
      expect(find()).toEqual([]);
    });

    test('Three concurrent ADDs of cnikit never both take the address of a lost sandbox', async () => {
      await addLiving();
      ok(add('a', here.pod(), 'web-0'));
      run('ip', 'link', 'delete', hostEndOfA);
      const codes = await Promise.all(
        [here.pod(), here.pod(), here.pod()].map(async (pod, i) => {
          const child = spawn(executablePath(), {
            argv0: 'cnikit',
            env: environment(`new${i}`, pod, `new-${i}`),
            stdio: ['pipe', 'ignore', 'ignore'],
          });
          child.stdin.end(JSON.stringify(conf(REQUEST)));
          const [code] = await once(child, 'exit');
          return code as number;
        }),
      );
      expect(codes.filter((code) => code === 0)).toHaveLength(1);
      const owner = `new${codes.indexOf(0)}`;
      expect(ADDRESSES.map(ownerOf)).toEqual([owner, owner]);
    });
  },
);
