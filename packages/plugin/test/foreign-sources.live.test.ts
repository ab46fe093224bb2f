/** Pods of the layout `routed` that may send packets with source addresses other than their own. */
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { parseConfigList, Runtime } from '@cnikit/cni-spec/runtime';
import { nodeRuntimeIo } from '@cnikit/cni-spec/runtime/node';
import { delAddress, newAddress, openRtnetlink } from '@cnikit/netlink';
import { beforeEach, describe, expect, test } from 'vitest';
import { executablePath } from '../src/executable-path.ts';
import { hostVethName } from '../src/links/names.ts';
import { env, fails, inSandbox, ok } from './harness.ts';
import { invokers } from './invoke.ts';
import { hostVeths, ipJson, type Pod, run } from './namespaces.ts';
import { withOutside } from './outside.ts';
import { scratch } from './scratch.ts';
import { arriving } from './traffic.ts';

const ANNOTATION = 'cnikit.io/foreign-source-addresses';
/** Addresses of no pod and no link. */
const FOREIGN = { '-4': '10.8.0.7', '-6': 'fd08::7' } as const;

describe.skipIf(!inSandbox).each(invokers)(
  'foreign source addresses by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const outside = withOutside();
    beforeEach(() => {
      // A loose reverse path filter needs a route to the source by any link.
      run('ip', 'route', 'replace', 'default', 'via', outside.ipv4);
      run('ip', '-6', 'route', 'replace', 'default', 'via', outside.ipv6);
    });

    const plugin = (changes: object = {}) => ({
      type: 'cnikit',
      layout: 'routed',
      bridge: 'routed0',
      foreignSourceNamespaces: ['vpn', 'edge'],
      capabilities: { 'io.kubernetes.cri.pod-annotations': true, bandwidth: true },
      ipam: {
        type: 'host-local',
        dataDir: here.dir,
        ranges: [[{ subnet: '10.95.0.0/24' }], [{ subnet: 'fd95::/64' }]],
      },
      ...changes,
    });
    const ofPod = (value: unknown) => ({ [ANNOTATION]: value, 'example.com/other': 'x' });
    const conf = (annotations: unknown, changes: object = {}) => ({
      cniVersion: '1.1.0',
      name: 'net',
      runtimeConfig: { 'io.kubernetes.cri.pod-annotations': annotations },
      ...plugin(changes),
    });
    const call = (command: string, id: string, at: Pick<Pod, 'path'>, namespace: string, config: unknown) =>
      invoke(
        env(command, id, at, { CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=${namespace}` }),
        config,
        'cnikit',
      );
    const add = (id: string, namespace: string, annotations: unknown, changes: object = {}) => {
      const made = here.pod();
      const { json } = ok(call('ADD', id, made, namespace, conf(annotations, changes)));
      const host = hostVethName('net', id, 'eth0');
      return { made, json, host, group: ipJson('link', 'show', host)[0].group };
    };
    type Added = ReturnType<typeof add>;
    const addressesOf = ({ json }: Added) =>
      json.ips.map(({ address }: { address: string }) => address.replace(/\/.*/, '')) as string[];
    const gateway = (id = 'gateway') => add(id, 'vpn', ofPod('true'));
    const received = (by: Pod) => by.run('nstat', '-asz', 'IcmpInEchos', 'Icmp6InEchos');
    /** Sends from an address that the pod takes, and returns whether a packet arrived. */
    const arrives = async (from: Added, source: string, by: Pod, to: string): Promise<boolean> => {
      const route = openRtnetlink({ netns: from.made.path });
      const { index } = route.link({ name: 'eth0' })!;
      const isIPv6 = source.includes(':');
      const address = { index, address: `${source}/${isIPv6 ? 128 : 32}`, nodad: isIPv6 };
      route.request(newAddress(address));
      const known = addressesOf(from)[isIPv6 ? 1 : 0]!;
      const arrived = await arriving(from.made, { sources: [source], known }, by, to);
      route.request(delAddress(address));
      route.close();
      return arrived.length > 0;
    };
    const inPod = { '-4': '10.95.0.3', '-6': 'fd95::3' } as const;
    const toPod = async (from: Added, by: Pod) => [
      await arrives(from, FOREIGN['-4'], by, inPod['-4']),
      await arrives(from, FOREIGN['-6'], by, inPod['-6']),
    ];

    test('a pod with the annotation in a listed namespace sends from foreign addresses in both families', async () => {
      const [from, to] = [gateway(), add('b', 'vpn', {})];
      expect(await toPod(from, to.made)).toEqual([true, true]);
      from.made.run('ping', '-c', '1', '-w', '30', '10.95.0.3');
      from.made.run('ping', '-c', '1', '-w', '30', 'fd95::3');
    });

    test.each([
      ['without the annotation', 'vpn', {}],
      ['with the value false', 'vpn', ofPod('false')],
      ['in a namespace that is not listed', 'shop', ofPod('true')],
      ['in a namespace whose name begins like a listed one', 'vpn2', ofPod('true')],
      ['without a namespace', '', ofPod('true')],
      ['without annotations', 'vpn', undefined],
      ['with a text instead of annotations', 'vpn', 'true'],
      ['with an invalid value in a namespace that is not listed', 'shop', ofPod('yes')],
    ])('the node drops foreign addresses of a pod %s', async (_title, namespace, annotations) => {
      const [from, to] = [add('a', namespace, annotations), add('b', 'vpn', {})];
      expect(await toPod(from, to.made)).toEqual([false, false]);
      expect(run('nft', 'list', 'table', 'inet', 'cnikit_guard')).not.toContain('chain foreign');
    });

    test('the node drops foreign addresses while no namespace is listed', async () => {
      const from = add('a', 'vpn', ofPod('true'), { foreignSourceNamespaces: undefined });
      expect(await toPod(from, add('b', 'vpn', {}).made)).toEqual([false, false]);
    });

    test.each(['yes', 'TRUE', '', 7, {}])(
      'cnikit ADD refuses the value %j of the annotation and leaves nothing',
      (value) => {
        fails(call('ADD', 'a', here.pod(), 'vpn', conf(ofPod(value))), 7, `Invalid annotation ${ANNOTATION}`);
        expect([hostVeths().filter((name) => name !== 'uplink'), here.reservations()]).toEqual([[], []]);
      },
    );

    test('ADD and DEL take the longest annotations that a pod can have, as the runtime escapes them', () => {
      const made = here.pod();
      const longest = { 'example.com/page': '<'.repeat(255 * 1024) };
      const escaped = JSON.stringify(conf(longest)).replaceAll('<', '\\u003c');
      ok(call('ADD', 'a', made, 'shop', escaped));
      ok(call('DEL', 'a', made, 'shop', escaped));
      expect(hostVeths().filter((name) => name !== 'uplink')).toEqual([]);
    });

    test('cnikit ADD refuses foreignSourceNamespaces other than a list of names', () => {
      const changed = conf({}, { foreignSourceNamespaces: 'vpn' });
      fails(call('ADD', 'a', here.pod(), 'vpn', changed), 7, 'Invalid configuration');
      ok(call('DEL', 'a', here.pod(), 'vpn', changed));
    });

    test('the node drops the addresses of other pods and of itself, also from a pod that may send others', async () => {
      const [from, to] = [gateway(), add('b', 'vpn', {})];
      add('c', 'vpn', {});
      // The kernel refuses the node’s IPv4 addresses by itself.
      for (const [source, target] of [
        ['10.95.0.4', inPod['-4']],
        ['fd95::4', inPod['-6']],
        [outside.node6, inPod['-6']],
      ] as const) {
        expect([source, await arrives(from, source, to.made, target)]).toEqual([source, false]);
      }
    });

    test('a pod that may send foreign addresses takes no packet to another pod by claiming its address', () => {
      const [from, to] = [gateway(), add('b', 'vpn', {})];
      from.made.run('ip', 'address', 'add', '10.95.0.3/32', 'dev', 'eth0');
      from.made.run('ip', '-6', 'address', 'add', 'fd95::3/128', 'dev', 'eth0', 'nodad');
      from.made.run('ip', 'neighbour', 'flush', 'all');
      from.made.run('sh', '-c', 'ping -c 1 -W 1 -I 10.95.0.3 169.254.1.1 || true');
      from.made.run('sh', '-c', 'ping -c 1 -W 1 -I fd95::3 fe80::63:6eff:fe69:6b69%eth0 || true');
      const before = received(to.made);
      run('ping', '-c', '1', '-w', '30', '10.95.0.3');
      run('ping', '-c', '1', '-w', '30', 'fd95::3');
      expect(received(to.made)).not.toBe(before);
    });

    test('CHECK accepts the pod, also after its namespace was removed from the list, and names what it lacks', () => {
      const { made, json, host } = gateway();
      const check = (changes: object = {}) =>
        call('CHECK', 'gateway', made, 'vpn', { ...conf({}, changes), prevResult: json });
      ok(check());
      ok(check({ foreignSourceNamespaces: [] }));
      run('sysctl', '-qw', `net.ipv4.conf.${host}.rp_filter=1`);
      fails(check(), 999, `rp_filter of ${host} is strict`);
      run('sysctl', '-qw', `net.ipv4.conf.${host}.rp_filter=0`);
      ok(check());
      run('nft', 'flush', 'chain', 'inet', 'cnikit_guard', 'foreign');
      fails(check(), 999, 'chain foreign of table inet cnikit_guard is missing, or its rules are');
      // The routes of the link go with its last address.
      run('sysctl', '-qw', `net.ipv4.conf.${host}.rp_filter=2`);
      run('ip', 'address', 'flush', 'dev', host, 'scope', 'host');
      fails(check(), 999, `rp_filter of ${host} is strict`);
    });

    test('the next pod with the name of the host end does not inherit it', async () => {
      const first = gateway();
      ok(call('DEL', 'gateway', first.made, 'vpn', conf(ofPod('true'))));
      expect(here.reservations()).toEqual([]);
      const second = add('gateway', 'vpn', {});
      expect(second.host).toBe(first.host);
      const to = add('b', 'vpn', {});
      const [ipv4, ipv6] = addressesOf(to) as [string, string];
      expect(await arrives(second, FOREIGN['-4'], to.made, ipv4)).toBe(false);
      expect(await arrives(second, FOREIGN['-6'], to.made, ipv6)).toBe(false);
    });

    test('bandwidth keeps the pod among those that may send foreign addresses, and DEL removes all', async () => {
      const runtimeConfig = {
        'io.kubernetes.cri.pod-annotations': ofPod('true'),
        bandwidth: { egressRate: 80_000_000, egressBurst: 8_000_000 },
      };
      const changes = { runtimeConfig };
      const from = add('gateway', 'vpn', {}, changes);
      expect(Number(from.group) >>> 24).toBe(0x65);
      expect(await toPod(from, add('b', 'vpn', {}).made)).toEqual([true, true]);
      ok(call('CHECK', 'gateway', from.made, 'vpn', { ...conf({}, changes), prevResult: from.json }));
      ok(call('DEL', 'gateway', from.made, 'vpn', conf({}, changes)));
      expect(ipJson('link').filter(({ ifname }) => ifname === from.host || ifname.startsWith('bwp'))).toEqual(
        [],
      );
      expect(ipJson('link', 'show', 'type', 'ifb')).toEqual([]);
    });

    test('on a bridge the annotation changes nothing', () => {
      expect(add('a', 'vpn', ofPod('true'), { layout: 'bridge' }).group).toBe('default');
    });

    test('nft -f loads a saved listing of the guard with the chain for foreign addresses', () => {
      gateway();
      add('b', 'vpn', {});
      const saved = run('nft', 'list', 'table', 'inet', 'cnikit_guard');
      run('nft', 'delete', 'table', 'inet', 'cnikit_guard');
      run('sh', '-c', `printf '%s' '${saved}' | nft -f -`);
      expect(run('nft', 'list', 'table', 'inet', 'cnikit_guard')).toBe(saved);
    });

    test('cnikit restore gives a pod back what ADD gave it, and no more', async () => {
      const bin = mkdtempSync('/run/cnikit-bin-');
      const cacheDir = `${here.dir}/cache`;
      try {
        copyFileSync(executablePath(), `${bin}/cnikit`);
        const runtime = new Runtime({ io: nodeRuntimeIo(), path: [bin], cacheDir });
        const config = parseConfigList(
          JSON.stringify({ cniVersion: '1.0.0', name: 'net', plugins: [plugin()] }),
        );
        for (const [containerID, value] of [
          ['gateway', 'true'],
          ['plain', 'false'],
        ] as const) {
          const netns = here.pod().path;
          const args = { IgnoreUnknown: '1', K8S_POD_NAMESPACE: 'edge' };
          const bandwidth = { egressRate: 80_000_000, egressBurst: 8_000_000 };
          const capabilityArgs = { 'io.kubernetes.cri.pod-annotations': ofPod(value), bandwidth };
          await runtime.add(config, { containerID, netns, ifName: 'eth0', args, capabilityArgs });
        }
        const state = () =>
          ['gateway', 'plain'].map((id) => {
            const host = hostVethName('net', id, 'eth0');
            return [
              ipJson('link', 'show', host)[0].group,
              run('sysctl', '-n', `net.ipv4.conf.${host}.rp_filter`),
            ];
          });
        const restore = () => run(`${bin}/cnikit`, 'restore', '--cache-dir', cacheDir);
        const before = [state(), run('nft', 'list', 'ruleset')];
        expect(restore()).toBe('');
        const host = hostVethName('net', 'gateway', 'eth0');
        for (const change of [
          ['nft', 'flush', 'ruleset'],
          ['nft', 'delete', 'chain', 'inet', 'cnikit_guard', 'foreign'],
          ['sysctl', '-qw', `net.ipv4.conf.${host}.rp_filter=1`],
          ['ip', 'address', 'flush', 'dev', host, 'scope', 'host'],
          ['ip', 'link', 'set', host, 'group', 'default'],
          ['ip', 'link', 'set', hostVethName('net', 'plain', 'eth0'), 'group', '7'],
        ] as [string, ...string[]][]) {
          run(...change);
          expect(restore()).toMatch(/Restored (routes|source guard) of net\//);
          expect([state(), run('nft', 'list', 'ruleset').split('\n').sort()]).toEqual([
            before[0],
            String(before[1]).split('\n').sort(),
          ]);
          expect(restore()).toBe('');
        }
      } finally {
        rmSync(bin, { recursive: true });
      }
    });
  },
);
