/** VLANs of bridge ports. They need CONFIG_BRIDGE_VLAN_FILTERING, which the kernels of `npm run check:kernels` have. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hostVethName, vlanPortName } from '../src/links/names.ts';
import { comparable, env, fails, inSandbox, ok } from './harness.ts';
import { invokers, runUpstream, UPSTREAM_DIR } from './invoke.ts';
import { hostVeths, ipJson, type Pod, run } from './namespaces.ts';
import { scratch } from './scratch.ts';

const FILTERING = ['ip', 'link', 'add', 'b', 'type', 'bridge', 'vlan_filtering', '1'];
const filtersVlans =
  process.env.CNIKIT_FULL_KERNEL === '1' ||
  (inSandbox && spawnSync('unshare', ['-n', ...FILTERING]).status === 0);

const ACCESS = ['PVID', 'Egress Untagged'];

/** An access port of a VLAN. */
const access = (vlan: number) => ({ vlan, flags: ACCESS });

/** Some versions of `bridge` print no flags as an empty list. */
const vlans = (port: string): object[] =>
  (JSON.parse(run('bridge', '-compressvlans', '-j', 'vlan', 'show', 'dev', port))[0]?.vlans ?? []).map(
    ({ flags = [], ...vlan }: { flags?: string[] }) => (flags.length > 0 ? { ...vlan, flags } : vlan),
  );

describe.skipIf(!inSandbox).each(invokers)(
  'VLANs of the bridge by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const { pod } = here;
    const conf = (changes: object = {}) => ({
      cniVersion: '1.0.0',
      name: 'net',
      type: 'bridge',
      bridge: 'vlans0',
      isDefaultGateway: true,
      ipam: {
        type: 'host-local',
        dataDir: here.dir,
        ranges: [[{ subnet: '10.98.0.0/24' }], [{ subnet: 'fd98::/64' }]],
      },
      ...changes,
    });
    const call = (command: string, id: string, at: Pick<Pod, 'path'>, changes: object = {}) =>
      invoke(env(command, id, at), conf(changes), 'bridge');
    const port = (id: string) => hostVethName('net', id, 'eth0');
    const reaches = (from: Pick<Pod, 'run'>, ...addresses: string[]) => {
      for (const address of addresses) {
        from.run('ping', '-c', '1', '-w', '30', address);
      }
    };

    test.skipIf(filtersVlans).each([{ vlan: 100 }, { vlanTrunk: [{ id: 7 }] }])(
      'bridge ADD rejects %j when the kernel cannot filter VLANs',
      (changes) => {
        fails(call('ADD', 'a', pod(), changes), 2, /Unsupported field vlan/);
        ok(call('ADD', 'b', pod()));
        fails(call('ADD', 'c', pod(), changes), 2, /Unsupported field vlan/);
        expect(hostVeths()).toEqual([port('b')]);
      },
    );

    describe.skipIf(!filtersVlans)('on a full kernel', () => {
      test('pods reach pods and the gateway of their own VLAN only', () => {
        const [a, b, c] = [pod(), pod(), pod()];
        const { json } = ok(call('ADD', 'a', a, { vlan: 100 }));
        expect(json.interfaces.map((one: { name: string }) => one.name)).toEqual([
          'vlans0',
          port('a'),
          'eth0',
          'vlans0.100',
        ]);
        ok(call('CHECK', 'a', a, { vlan: 100, prevResult: json }));
        ok(call('ADD', 'b', b, { vlan: 100 }));
        reaches(a, '10.98.0.3', 'fd98::3', '10.98.0.1', 'fd98::1');
        ok(call('ADD', 'c', c, { vlan: 200, isDefaultGateway: false }));
        expect(() => c.run('ping', '-c', '1', '-W', '2', '10.98.0.3')).toThrow();
        expect(vlans(port('a'))).toEqual([access(100)]);
        ok(call('DEL', 'a', a, { vlan: 100 }));
        ok(call('GC', '', { path: '' }, { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] }));
        expect(hostVeths()).toContain('vlans0.100');
      });

      test('bridge ADD creates a gateway for each VLAN', () => {
        const network = (n: number, changes: object) => ({
          name: `net${n}`,
          ipam: { type: 'host-local', dataDir: here.dir, subnet: `10.98.${n}.0/24` },
          ...changes,
        });
        for (const [n, changes] of [{}, { vlan: 100 }, { vlan: 200 }].entries()) {
          const made = pod();
          ok(call('ADD', `c${n}`, made, network(n, changes)));
          reaches(made, `10.98.${n}.1`);
        }
        const addresses = (name: string) =>
          ipJson('-4', 'address', 'show', name)[0].addr_info.map(({ local }: { local: string }) => local);
        expect(addresses('vlans0')).toEqual(['10.98.0.1']);
        expect(addresses('vlans0.100')).toEqual(['10.98.1.1']);
        expect(addresses('vlans0.200')).toEqual(['10.98.2.1']);
      });

      test('bridge ADD with vlanTrunk passes VLANs tagged and keeps the default only with preserveDefaultVlan', () => {
        const trunk = { ipam: {}, isDefaultGateway: false, vlanTrunk: [{ id: 7 }, { minID: 10, maxID: 12 }] };
        const tagged = [{ vlan: 7 }, { vlan: 10, vlanEnd: 12 }];
        ok(call('ADD', 'a', pod(), trunk));
        expect(vlans(port('a'))).toEqual(tagged);
        ok(call('ADD', 'b', pod(), { ...trunk, preserveDefaultVlan: true }));
        expect(vlans(port('b'))).toEqual([access(1), ...tagged]);
        ok(call('ADD', 'c', pod(), { ...trunk, vlan: 5 }));
        expect(vlans(port('c'))).toEqual([access(5), ...tagged]);
        ok(call('ADD', 'd', pod(), { vlan: 5, isDefaultGateway: false, preserveDefaultVlan: true }));
        expect(vlans(port('d'))).toEqual([{ vlan: 1, flags: ['Egress Untagged'] }, access(5)]);
      });

      test('a pod with vlanTrunk reaches only pods of the trunk’s VLANs', () => {
        const [router, inside, outside] = [pod(), pod(), pod()];
        ok(
          call('ADD', 'r', router, {
            ipam: {},
            isDefaultGateway: false,
            vlanTrunk: [{ minID: 10, maxID: 12 }],
          }),
        );
        ok(call('ADD', 'i', inside, { vlan: 11 }));
        ok(call('ADD', 'o', outside, { vlan: 13 }));
        for (const id of ['11', '13']) {
          router.run('ip', 'link', 'add', 'link', 'eth0', `eth0.${id}`, 'type', 'vlan', 'id', id);
          router.run('ip', 'link', 'set', `eth0.${id}`, 'up');
        }
        router.run('ip', 'address', 'add', '10.98.0.200/24', 'dev', 'eth0.11');
        reaches(router, '10.98.0.2');
        router.run('ip', 'address', 'add', '10.98.0.201/24', 'dev', 'eth0.13');
        expect(() => router.run('ping', '-I', 'eth0.13', '-c', '1', '-W', '1', '10.98.0.3')).toThrow();
      });

      test('bridge ADD enables VLAN filtering on a bridge without cutting off existing pods', () => {
        const [before, other] = [pod(), pod()];
        ok(call('ADD', 'a', before));
        ok(call('ADD', 'b', pod(), { vlan: 5, isDefaultGateway: false }));
        ok(call('ADD', 'c', other));
        expect(ipJson('-d', 'link', 'show', 'vlans0')[0].linkinfo.info_data.vlan_filtering).toBe(1);
        reaches(before, '10.98.0.1', '10.98.0.4');
      });

      test('bridge ADD handles a bridge with another default VLAN', () => {
        run('ip', 'link', 'add', 'vlans0', 'type', 'bridge', 'vlan_filtering', '1', 'vlan_default_pvid', '9');
        ok(call('ADD', 'a', pod(), { vlan: 5 }));
        expect(vlans(port('a'))).toEqual([{ vlan: 5, flags: ACCESS }]);
        expect(vlans(vlanPortName('vlans0', 5))).toEqual([{ vlan: 5, flags: ACCESS }]);
        const own = { vlan: 9, isDefaultGateway: false };
        ok(call('ADD', 'b', pod(), own));
        expect(vlans(port('b'))).toEqual([{ vlan: 9, flags: ACCESS }]);
      });

      test('bridge ADD completes the VLAN gateway of a killed ADD', () => {
        ok(call('ADD', 'a', pod(), { vlan: 100, isDefaultGateway: false }));
        const made = ['type', 'veth', 'peer', 'name', 'vlans0.100'];
        run('ip', 'link', 'add', vlanPortName('vlans0', 100), 'master', 'vlans0', 'up', ...made);
        const next = pod();
        ok(call('ADD', 'b', next, { vlan: 100 }));
        reaches(next, '10.98.0.1', 'fd98::1');
        expect(vlans(vlanPortName('vlans0', 100))).toEqual([access(100)]);
      });

      test('bridge ADD with macFromAddress in a VLAN replaces a pod that neighbours know, without an announcement', () => {
        const changes = { vlan: 100, macFromAddress: true };
        const at = { ...changes, runtimeConfig: { ips: ['10.98.0.60', 'fd98::60'] } };
        const [neighbour, first, next] = [pod(), pod(), pod()];
        ok(call('ADD', 'n', neighbour, changes));
        ok(call('ADD', 'a', first, at));
        const macOf = (made: Pod) => JSON.parse(made.run('ip', '-j', 'link', 'show', 'eth0'))[0].address;
        expect(macOf(first)).toBe('0a:58:0a:62:00:3c');
        reaches(neighbour, '10.98.0.60', 'fd98::60');
        ok(call('DEL', 'a', first, at));
        const { json } = ok(call('ADD', 'b', next, at));
        expect(macOf(next)).toBe('0a:58:0a:62:00:3c');
        expect(vlans(port('b'))).toEqual([access(100)]);
        reaches(neighbour, '10.98.0.60', 'fd98::60');
        reaches(next, '10.98.0.1', 'fd98::1');
        ok(call('CHECK', 'b', next, { ...at, prevResult: json }));
      });

      test('portIsolation blocks traffic within a VLAN', () => {
        const [a, b] = [pod(), pod()];
        const changes = { vlan: 100, portIsolation: true };
        ok(call('ADD', 'a', a, changes));
        ok(call('ADD', 'b', b, changes));
        reaches(a, '10.98.0.1');
        expect(() => a.run('ping', '-c', '1', '-W', '2', '10.98.0.3')).toThrow();
      });

      test.skipIf(!existsSync(`${UPSTREAM_DIR}/bridge`)).each([{ isDefaultGateway: true }, {}])(
        'bridge ADD creates the same VLANs as upstream with %j',
        (changes) => {
          // Debian's version, 1.1.1, always keeps the default VLAN; since 1.8.0 it is an option.
          const asked = { vlan: 100, isDefaultGateway: false, preserveDefaultVlan: true, ...changes };
          const state = (made: Pod, host: string) => ({
            port: vlans(host),
            bridge: vlans('vlans0'),
            routes: made.run('ip', 'route').replaceAll(' proto static', ''),
            gateway: ipJson('-4', 'address')
              .filter((one) => one.ifname === 'vlans0.100')
              .map((one) => ({
                flags: one.flags,
                mtu: one.mtu,
                addresses: one.addr_info.map(({ local }: { local: string }) => local),
              })),
          });
          const [ours, theirs] = [pod(), pod()];
          const a = ok(call('ADD', 'c1', ours, asked)).json;
          const own = state(ours, a.interfaces[1].name);
          for (const { ifname } of ipJson('link', 'show', 'type', 'veth').filter(
            (one) => !one.ifname.includes('.'),
          )) {
            run('ip', 'link', 'del', ifname);
          }
          run('ip', 'link', 'del', 'vlans0');
          const b = ok(
            runUpstream(env('ADD', 'c1', theirs), conf({ ...asked, name: 'theirs' }), 'bridge'),
          ).json;
          expect(own).toEqual(state(theirs, b.interfaces[1].name));
          const same = (one: object, made: Pod) =>
            JSON.parse(JSON.stringify(comparable(one)).replaceAll(made.path, 'POD'));
          expect(same(a, ours)).toEqual(same(b, theirs));
        },
      );
    });
  },
);

describe.skipIf(!inSandbox || !filtersVlans)(
  'VLANs and concurrency on a full kernel (needs the sandbox: run npm test at the root)',
  () => {
    test('concurrent bridge ADDs create one gateway for a VLAN', async () => {
      const { concurrentAdds } = await import('./concurrent.ts');
      const addresses = await concurrentAdds(8, { vlan: 100 }, () =>
        expect(vlans(vlanPortName('crowd0', 100))).toEqual([access(100)]),
      );
      expect(new Set(addresses).size).toBe(8);
      run('ip', 'link', 'del', 'crowd0.100');
    });
  },
);
