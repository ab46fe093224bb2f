/** `cnikit switch-back`: afterwards the upstream plugins check and delete the pods of cnikit and leave nothing. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { parseConfigList, Runtime } from '@cnikit/cni-spec/runtime';
import { sys } from '@cnikit/sys';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { upstreamPluginsOfRun } from '../../../upstream-plugins.ts';
import { executablePath } from '../src/executable-path.ts';
import { inSandbox } from './harness.ts';
import { type Pod, run } from './namespaces.ts';
import { flushRuleset, ruleset } from './nat-state.ts';
import { withOutside } from './outside.ts';
import { runtimeIo } from './runtime.ts';
import { scratch } from './scratch.ts';
import { reach, serve } from './traffic.ts';

const NODE4 = '192.0.2.1';
const NODE6 = '2001:db8::1';
const PATH = process.env.PATH ?? '';
/** Ports of one address come first: their order among the others is lost, and upstream's CHECK compares it. */
const PORTS = [
  { hostPort: 8081, containerPort: 81, protocol: 'tcp', hostIP: NODE4 },
  { hostPort: 8080, containerPort: 80, protocol: 'tcp' },
  { hostPort: 5300, containerPort: 53, protocol: 'udp' },
  { hostPort: 8082, containerPort: 82, protocol: 'tcp', hostIP: '::' },
];

function switchBack(...args: string[]) {
  const { status, stdout, stderr } = sys.run([executablePath(), 'switch-back', ...args], { env: { PATH } });
  return { status, stdout, stderr };
}

describe.skipIf(!inSandbox).each(upstreamPluginsOfRun())(
  'cnikit switch-back to upstream $version (needs the sandbox: run npm test at the root)',
  ({ dir, version }) => {
    const here = scratch();
    const outside = withOutside();
    let bin: string;
    beforeAll(() => {
      bin = mkdtempSync('/run/cnikit-bin-');
      mkdirSync(`${bin}/ours`);
      copyFileSync(executablePath(), `${bin}/ours/cnikit`);
      for (const name of ['bridge', 'ptp', 'portmap']) {
        symlinkSync('cnikit', `${bin}/ours/${name}`);
      }
    });
    afterAll(() => rmSync(bin, { recursive: true }));
    const runtime = (path: string) =>
      new Runtime({ io: runtimeIo(), path: [path], cacheDir: `${here.dir}/cache` });
    const ours = () => runtime(`${bin}/ours`);
    const upstream = () => runtime(dir);
    /** CHECK of 1.1.1 looks for IPv4 rules in ip6tables. */
    const checkByUpstream = async (...args: Parameters<Runtime['check']>) => {
      if (!version.startsWith('1.1.')) {
        await upstream().check(...args);
      }
    };
    interface Setup {
      type?: string;
      name?: string;
      portmap?: object;
      attach?: object;
    }
    const list = ({ type = 'bridge', name = 'net', portmap = {}, attach = {} }: Setup = {}) =>
      parseConfigList(
        JSON.stringify({
          cniVersion: '1.0.0',
          name,
          plugins: [
            {
              type,
              ...(type === 'bridge' && { bridge: 'back0', isGateway: true, hairpinMode: true }),
              ipMasq: true,
              ...attach,
              ipam: {
                type: 'host-local',
                dataDir: `${here.dir}/networks`,
                ranges: [[{ subnet: '10.85.0.0/24' }], [{ subnet: 'fd85::/64' }]],
                routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
              },
            },
            { type: 'portmap', capabilities: { portMappings: true }, ...portmap },
          ],
        }),
      );
    const attachment = (containerID: string, pod: Pod, portMappings: object[] = [], ifName = 'eth0') => ({
      containerID,
      netns: pod.path,
      ifName,
      capabilityArgs: { portMappings },
    });
    /** Rules of pods, in any form. */
    const left = () => ruleset().match(/.*(cnikit|10\.85\.|fd85:|CNI-DN-|CNI-[0-9a-f]{8}).*/g) ?? [];
    const rules = () => ruleset().split('\n').sort();
    const backends = [undefined, ...(version.startsWith('1.1.') ? [] : ['nftables'])];

    describe.each(backends)('with --backend %s', (backend) => {
      const args = backend === undefined ? [] : ['--backend', backend];
      // Upstream looks in its nftables tables for ports only if the configuration says so.
      const theirs = backend === undefined ? {} : { portmap: { backend } };

      test.each(['bridge', 'ptp'])(
        'upstream deletes pods of %s, whose connections work until then',
        async (type) => {
          const [a, b] = [here.pod(), here.pod()];
          const pods = [attachment('a', a, PORTS), attachment('b', b)] as const;
          for (const one of pods) {
            await ours().add(list({ type }), one);
          }
          const before = ruleset();
          expect(switchBack(...args)).toEqual({
            status: 0,
            stdout: `Moved to ${backend ?? 'iptables'} as upstream has it: ipMasq of 2 pods, host ports of 1 pods\n`,
            stderr: '',
          });
          expect(ruleset()).not.toBe(before);
          expect(ruleset()).not.toContain('cnikit');
          serve(a, 'tcp', 80);
          serve(a, 'tcp', 81);
          serve(outside, 'tcp', 80);
          expect(await reach(outside, 'tcp', NODE4, 8080)).toBe(outside.ipv4);
          expect(await reach(outside, 'tcp', NODE6, 8080)).toBe(outside.ipv6);
          expect(await reach(outside, 'tcp', NODE4, 8081)).toBe(outside.ipv4);
          for (const from of [a, b]) {
            expect(await reach(from, 'tcp', outside.ipv4, 80)).toBe(outside.node4);
            expect(await reach(from, 'tcp', outside.ipv6, 80)).toBe(outside.node6);
          }
          const once = ruleset();
          expect(switchBack(...args).stdout).toContain('ipMasq of 0 pods, host ports of 0 pods');
          expect(ruleset()).toBe(once);
          for (const one of pods) {
            await checkByUpstream(list({ type, ...theirs }), one);
            await ours().check(list({ type }), one);
            await upstream().del(list({ type, ...theirs }), one);
          }
          expect(left()).toEqual([]);
        },
      );

      test.each([
        ['masqAll', { masqAll: true }],
        ['snat false', { snat: false }],
        ['markMasqBit', { markMasqBit: 9 }],
      ])('upstream checks and deletes a pod with %s', async (_what, portmap) => {
        const one = attachment('a', here.pod(), PORTS);
        await ours().add(list({ portmap }), one);
        expect(switchBack(...args).status).toBe(0);
        const after = { portmap: { ...portmap, ...theirs.portmap } };
        // Upstream 1.9.1 ignores masqAll in nftables, and misses the rules that it would make without.
        if (!('masqAll' in portmap && backend === 'nftables' && version.startsWith('1.9.'))) {
          await checkByUpstream(list(after), one);
        }
        await upstream().del(list(after), one);
        expect(left()).toEqual([]);
      });

      test('upstream deletes both interfaces of a container in one network', async () => {
        const pod = here.pod();
        const both = [attachment('a', pod, [], 'eth0'), attachment('a', pod, [], 'eth1')];
        for (const one of both) {
          await ours().add(list({ type: 'ptp' }), one);
        }
        expect(switchBack(...args).stdout).toContain('ipMasq of 2 pods');
        for (const one of both) {
          const del = () => upstream().del(list({ type: 'ptp' }), one);
          // Upstream's chain belongs to the container. DEL of the first interface fails once, as for a pod of upstream.
          await del().catch(del);
        }
        expect(left()).toEqual([]);
      });

      test('switchBack() finds the names of a long comment in the reservations', async () => {
        const setup = { name: 'n'.repeat(70), ...theirs };
        const one = attachment('c'.repeat(64), here.pod(), PORTS);
        await ours().add(list({ name: setup.name }), one);
        const refused = switchBack(...args);
        expect(refused).toMatchObject({
          status: 1,
          stderr: expect.stringMatching(/^The owner of #.*--data-dir\n/),
        });
        expect(refused.stdout).toContain('ipMasq of 0 pods');
        expect(ruleset()).toContain('cnikit');
        expect(switchBack(...args, '--data-dir', `${here.dir}/networks`)).toMatchObject({
          status: 0,
          stderr: '',
        });
        await checkByUpstream(list(setup), one);
        await upstream().del(list(setup), one);
        expect(left()).toEqual([]);
      });

      test('switchBack() completes what an interrupted run has begun', async () => {
        const one = attachment('a', here.pod(), PORTS);
        await ours().add(list(), one);
        const before = run('nft', 'list', 'ruleset');
        switchBack(...args);
        const after = rules();
        // Both forms exist when the process is killed between the two transactions.
        sys.run(['nft', '-f', '-'], { input: before });
        expect(switchBack(...args).status).toBe(0);
        expect(rules()).toEqual(after);
        await upstream().del(list(theirs), one);
        expect(left()).toEqual([]);
      });
    });

    test('cnikit deletes pods after switch-back, and new ones get its own rules again', async () => {
      const one = attachment('a', here.pod(), PORTS);
      await ours().add(list(), one);
      switchBack();
      const two = attachment('b', here.pod());
      await ours().add(list(), two);
      expect(ruleset()).toContain('cnikit_masquerade_net');
      expect(switchBack().stdout).toContain('ipMasq of 1 pods');
      await ours().del(list(), one);
      await ours().del(list(), two);
      expect(left()).toEqual([]);
    });
  },
);

describe.skipIf(!inSandbox)('cnikit switch-back (needs the sandbox: run npm test at the root)', () => {
  test('switchBack() changes nothing on a node without pods', () => {
    flushRuleset();
    expect(switchBack()).toMatchObject({ status: 0, stderr: '' });
    expect(ruleset()).toBe('');
  });

  test.each([[['--backend', 'ipfw']], [['--data-dir']], [['now']]])(
    'switchBack() refuses the arguments %j',
    (args) => {
      const { status, stdout, stderr } = switchBack(...args);
      expect([status, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^Unknown arguments: .*\n\nUsage: cnikit switch-back /);
    },
  );
});
