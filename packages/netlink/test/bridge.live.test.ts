/** VLANs, multicast groups and nexthop objects as `bridge` and `ip` list them. */
import { expect, test } from 'vitest';
import * as nl from '../src/index.ts';
import { freshRoute, json, live, liveOnFullKernel, type Shown } from './live.ts';

live('bridges on a kernel', () => {
  const route = freshRoute();

  test('mdb() returns what `bridge mdb` lists, newMdbEntry() and delMdbEntry() change it', async () => {
    const rt = route();
    rt.request(nl.newLink({ kind: 'bridge', name: 'br0', up: true }));
    const bridge = rt.link({ name: 'br0' })!.index;
    rt.request(nl.newLink({ kind: 'veth', name: 'p0', master: bridge, up: true, peer: { name: 'p1' } }));
    rt.request(nl.setLink({ name: 'p1', up: true }));
    const { index } = rt.link({ name: 'p0' })!;
    // The bridge takes notice of the carrier some time later, and refuses temporary entries until then.
    await expect.poll(() => rt.link({ index })?.bridgePort?.portState).toBe('forwarding');
    rt.request(nl.newMdbEntry({ bridge, index, group: '239.1.1.1', state: 'permanent' }));
    rt.request(nl.newMdbEntry({ bridge, index, group: 'ff0e::1' }));
    const own = ({ group }: { group: string }) => /^239|^ff0e/.test(group);
    const mine = rt.mdb({ bridge }).filter(own);
    const shown = json('bridge -j mdb')[0].mdb.map((one: Shown) => ({ group: one.grp, state: one.state }));
    expect(mine.map(({ group, state }) => ({ group, state }))).toEqual(shown.filter(own));
    expect(mine).toContainEqual(
      expect.objectContaining({ bridge, index, group: '239.1.1.1', vlan: 0, state: 'permanent' }),
    );
    rt.request(nl.delMdbEntry({ bridge, index, group: '239.1.1.1', state: 'permanent' }));
    expect(rt.mdb().filter(own)).toMatchObject([{ group: 'ff0e::1', state: 'temp' }]);
    expect(rt.mdb({ bridge: index })).toEqual([]);
  });

  test('nextHops() returns what `ip nexthop` lists', () => {
    const rt = route();
    rt.request(nl.newLink({ kind: 'veth', name: 'p0', up: true, peer: { name: 'p1' } }));
    rt.request(nl.setLink({ name: 'p1', up: true }));
    const { index } = rt.link({ name: 'p0' })!;
    rt.request(nl.newAddress({ index, address: '192.0.2.1/24' }));
    rt.request(nl.newNextHopObject({ id: 5, via: '192.0.2.9', oif: index, protocol: 'bgp' }));
    rt.request(nl.newNextHopObject({ id: 6, group: [{ id: 5, weight: 3 }] }));
    expect(rt.nextHops()).toMatchObject([
      { id: 5, via: '192.0.2.9', oif: index, protocol: 'bgp' },
      { id: 6, group: [{ id: 5, weight: 3 }], groupType: 'mpath' },
    ]);
    expect(json('ip -j nexthop').map(({ id }) => id)).toEqual(rt.nextHops().map(({ id }) => id));
  });

  test('bridgeVlans() returns nothing without bridges', () => {
    expect(route().bridgeVlans()).toEqual([]);
  });
});

liveOnFullKernel('VLANs of bridges on a full kernel', () => {
  const route = freshRoute();

  test('bridgeVlans() returns what `bridge vlan` lists', () => {
    const rt = route();
    const made = rt.createLink({ kind: 'bridge', name: 'br0', vlanFiltering: true, vlanDefaultPvid: 0 })!;
    const port = rt.createLink({ kind: 'dummy', name: 'p0', master: made.index })!;
    const vlans = [
      { vid: 5, pvid: true, untagged: true },
      { vid: 10, last: 20 },
      { vid: 30, untagged: true },
    ];
    rt.request(nl.addBridgeVlans({ index: port.index, vlans }));
    rt.request(nl.addBridgeVlans({ index: made.index, self: true, vlans: [{ vid: 7 }] }));
    expect(rt.bridgeVlans({ index: port.index })).toEqual([
      { index: port.index, name: 'p0', master: made.index, vlans },
    ]);
    const all = rt.bridgeVlans({ master: made.index });
    expect(all).toMatchObject([{ name: 'br0', self: true, vlans: [{ vid: 7 }] }, { name: 'p0' }]);
    rt.batch(all.map((one) => nl.delBridgeVlans(one)));
    expect(rt.bridgeVlans({ master: made.index }).flatMap((one) => one.vlans)).toEqual([]);
    rt.batch(all.map((one) => nl.addBridgeVlans(one)));
    expect(rt.bridgeVlans({ master: made.index })).toEqual(all);
    const shown = json('bridge -compressvlans -j vlan show').map(({ ifname, vlans: all }) => [
      ifname,
      all.map(({ vlan, vlanEnd }: Shown) => [vlan, vlanEnd]),
    ]);
    expect(
      rt.bridgeVlans().map(({ name, vlans: all }) => [name, all.map(({ vid, last }) => [vid, last])]),
    ).toEqual(shown);
  });
});
