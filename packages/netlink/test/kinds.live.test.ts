/** Kinds of link, and VLANs of bridges, that kernels may lack; compared with what `ip` and `bridge` say. */
import { expect, test } from 'vitest';
import { openGeneric } from '../src/generic.ts';
import * as nl from '../src/index.ts';
import { freshRoute, json, liveOnFullKernel, run } from './live.ts';

liveOnFullKernel('kinds of link on a full kernel', () => {
  const route = freshRoute();
  const shown = (name: string) => json(`ip -d -j link show dev ${name}`)[0];
  /** A link for others to be upon; its index. */
  const below = () => {
    route().request(nl.newLink({ kind: 'veth', name: 'below', up: true, peer: { name: 'other' } }));
    return route().link({ name: 'below' })!.index;
  };

  test.each([
    ['dummy', {}, undefined],
    ['ifb', {}, undefined],
    ['wireguard', {}, undefined],
    ['vrf', { table: 10 }, { table: 10 }],
    ['vrf', { table: 0xfffffffe }, { table: 0xfffffffe }],
  ] as const)('newLink() makes a %s with %j as `ip` shows it', (kind, settings, data) => {
    const rt = route();
    rt.request(nl.newLink({ kind, name: 'x0', mtu: 1400, up: true, ...settings } as nl.LinkSpec));
    const [link, ip] = [rt.link({ name: 'x0' })!, shown('x0')];
    expect(link).toMatchObject({ kind, index: ip.ifindex, mtu: 1400, up: true });
    expect(link.mac).toBe(kind === 'wireguard' ? undefined : ip.address);
    if ('table' in settings) {
      expect(link.vrf).toEqual(settings);
    }
    expect(ip).toMatchObject({ mtu: 1400, linkinfo: { info_kind: kind } });
    expect(ip.linkinfo.info_data).toEqual(data);
    expect(rt.links({ kind }).map(({ name }) => name)).toEqual(['x0']);
    rt.request(nl.delLink({ name: 'x0' }));
    expect(rt.link({ name: 'x0' })).toBeUndefined();
  });

  test.each([
    ['vlan', { id: 5 }, { id: 5, protocol: '802.1Q', flags: ['REORDER_HDR'] }],
    ['vlan', { id: 4094, protocol: '802.1ad' }, { id: 4094, protocol: '802.1ad', flags: ['REORDER_HDR'] }],
    ['vlan', { id: 7, vlanFlags: { flags: 4, mask: 5 } }, { id: 7, flags: ['LOOSE_BINDING'] }],
    ['macvlan', { mode: 'bridge' }, { mode: 'bridge' }],
    ['macvlan', { mode: 'private', macvlanFlags: 1, bcQueueLength: 77 }, { mode: 'private', bcqueuelen: 77 }],
    ['macvtap', { mode: 'vepa' }, { mode: 'vepa' }],
    ['ipvlan', { mode: 'l2' }, { mode: 'l2' }],
    ['ipvlan', { mode: 'l3', ipvlanFlags: 1 }, { mode: 'l3' }],
    ['ipvlan', { mode: 'l3s', ipvlanFlags: 2 }, { mode: 'l3s' }],
  ] as const)('newLink() puts a %s with %j upon another link as `ip` shows it', (kind, settings, data) => {
    const rt = route();
    const lower = below();
    rt.request(nl.newLink({ kind, name: 'x0', link: lower, up: true, ...settings } as nl.LinkSpec));
    const [link, ip] = [rt.link({ name: 'x0' })!, shown('x0')];
    expect(link).toMatchObject({ kind, link: lower, index: ip.ifindex, mac: ip.address });
    const { vlanFlags, ...plain } = settings as { vlanFlags?: { flags: number } };
    expect(link[kind]).toMatchObject(plain);
    // The kernel returns all flags.
    if (vlanFlags) {
      expect(link.vlan?.vlanFlags?.flags).toBe(vlanFlags.flags);
    }
    expect(ip).toMatchObject({ link: 'below', linkinfo: { info_kind: kind, info_data: data } });
    expect(rt.links({ kind }).map(({ name }) => name)).toEqual(['x0']);
  });

  test('setLink() changes the settings of a kind', () => {
    const rt = route();
    const lower = below();
    rt.request(nl.newLink({ kind: 'macvlan', name: 'm0', link: lower, mode: 'bridge' }));
    rt.request(nl.newLink({ kind: 'vlan', name: 'v0', link: lower, id: 3 }));
    rt.request(nl.setLink({ name: 'm0', kind: 'macvlan', mode: 'private' }));
    rt.request(nl.setLink({ name: 'v0', kind: 'vlan', vlanFlags: { flags: 4, mask: 4 } }));
    expect(shown('m0').linkinfo.info_data.mode).toBe('private');
    expect(shown('v0').linkinfo.info_data.flags).toEqual(['REORDER_HDR', 'LOOSE_BINDING']);
  });

  test('setLink() adds a link to a vrf, whose routes are in its table', () => {
    const rt = route();
    rt.request(nl.newLink({ kind: 'vrf', name: 'red', table: 10, up: true }));
    const master = rt.link({ name: 'red' })!.index;
    rt.request(nl.newLink({ kind: 'dummy', name: 'd0', master, up: true }));
    const { index } = rt.link({ name: 'd0' })!;
    rt.request(nl.newAddress({ index, address: '10.9.0.1/24' }));
    rt.request(nl.newRoute({ dst: '10.10.0.0/16', via: '10.9.0.2', table: 10 }));
    expect(rt.link({ name: 'd0' })).toMatchObject({ master, portKind: 'vrf' });
    expect(rt.links({ master }).map(({ name }) => name)).toEqual(['d0']);
    expect(json('ip -j route show vrf red').map(({ dst }) => dst)).toEqual(
      rt.routes({ table: 10, family: 'ipv4', type: 'unicast' }).map(({ dst }) => dst),
    );
  });

  test('link() and links() decode links of unknown kinds', () => {
    const rt = route();
    run('ip link add t0 type ipip local 192.0.2.1 remote 192.0.2.2 ttl 9');
    expect(rt.link({ name: 't0' })).toMatchObject({ kind: 'ipip', index: shown('t0').ifindex });
    run('ip link add b0 type bond mode active-backup');
    run('ip link add d0 type dummy');
    run('ip link set d0 master b0');
    expect(rt.link({ name: 'd0' })).toMatchObject({ kind: 'dummy', portKind: 'bond' });
    // As many as `ip` lists: fallback devices that a module brings are among them.
    expect(rt.links().map(({ name }) => name)).toEqual(json('ip -j link').map(({ ifname }) => ifname));
  });

  test('openGeneric() finds the family that configures wireguard', () => {
    route().request(nl.newLink({ kind: 'wireguard', name: 'wg0' }));
    const generic = openGeneric();
    expect(generic.family('wireguard')).toMatchObject({ name: 'wireguard', version: 1 });
    generic.close();
  });
});

liveOnFullKernel('VLANs of bridges on a full kernel', () => {
  const route = freshRoute();
  /** Some versions of `bridge` print no flags as an empty list. */
  const vlans = (dev: string) =>
    json(`bridge -compressvlans -j vlan show dev ${dev}`)[0]?.vlans.map(
      ({ flags = [], ...vlan }: { flags?: string[] }) => (flags.length > 0 ? { ...vlan, flags } : vlan),
    );
  const port = (settings: object = {}) => {
    const rt = route();
    rt.request(nl.newLink({ kind: 'bridge', name: 'br0', vlanFiltering: true, up: true, ...settings }));
    const bridge = rt.link({ name: 'br0' })!;
    rt.request(nl.newLink({ kind: 'dummy', name: 'p0', master: bridge.index, up: true }));
    return { bridge, index: rt.link({ name: 'p0' })!.index };
  };

  test('newLink() creates a VLAN-filtering bridge, as `ip` shows', () => {
    const { bridge } = port({ vlanDefaultPvid: 9, vlanStatsEnabled: true });
    const data = shownData('br0');
    expect(bridge.bridge).toMatchObject({
      vlanFiltering: true,
      vlanDefaultPvid: data.vlan_default_pvid,
      vlanStatsEnabled: true,
    });
    expect(data).toMatchObject({ vlan_filtering: 1, vlan_default_pvid: 9, vlan_stats_enabled: 1 });
    expect(vlans('p0')).toEqual([{ vlan: 9, flags: ['PVID', 'Egress Untagged'] }]);
  });

  test('setLink() enables VLAN filtering, and the kernel adds the VLANs of the ports', () => {
    const { index, bridge } = port({ vlanFiltering: false });
    route().request(nl.setLink({ index: bridge.index, kind: 'bridge', vlanFiltering: true }));
    route().request(nl.addBridgeVlans({ index, vlans: [{ vid: 5 }] }));
    expect(shownData('br0').vlan_filtering).toBe(1);
    expect(vlans('p0')).toEqual([{ vlan: 1, flags: ['PVID', 'Egress Untagged'] }, { vlan: 5 }]);
  });

  test('addBridgeVlans() and delBridgeVlans() match `bridge vlan`', () => {
    const { index, bridge } = port();
    const rt = route();
    rt.request(
      nl.addBridgeVlans({
        index,
        vlans: [
          { vid: 5, pvid: true, untagged: true },
          { vid: 10, last: 20 },
        ],
      }),
    );
    expect(vlans('p0')).toEqual([
      { vlan: 1, flags: ['Egress Untagged'] },
      { vlan: 5, flags: ['PVID', 'Egress Untagged'] },
      { vlan: 10, vlanEnd: 20 },
    ]);
    rt.request(nl.delBridgeVlans({ index, vlans: [{ vid: 1 }, { vid: 12, last: 13 }] }));
    // Deleting a missing VLAN succeeds; the plugin relies on that.
    rt.request(nl.delBridgeVlans({ index, vlans: [{ vid: 1 }] }));
    expect(vlans('p0')).toEqual([
      { vlan: 5, flags: ['PVID', 'Egress Untagged'] },
      { vlan: 10, vlanEnd: 11 },
      { vlan: 14, vlanEnd: 20 },
    ]);
    rt.request(nl.addBridgeVlans({ index: bridge.index, self: true, vlans: [{ vid: 5 }] }));
    expect(vlans('br0')).toEqual([{ vlan: 1, flags: ['PVID', 'Egress Untagged'] }, { vlan: 5 }]);
  });

  test('addBridgeVlans() refuses a link that is not a bridge port', () => {
    const rt = route();
    rt.request(nl.newLink({ kind: 'dummy', name: 'd0' }));
    const { index } = rt.link({ name: 'd0' })!;
    expect(() => rt.request(nl.addBridgeVlans({ index, vlans: [{ vid: 5 }] }))).toThrow(
      expect.objectContaining({ code: 'EOPNOTSUPP' }),
    );
  });

  const shownData = (name: string) => json(`ip -d -j link show dev ${name}`)[0].linkinfo.info_data;
});
