import { readFileSync } from 'node:fs';
import { O_RDONLY, sys } from '@cnikit/sys';
import { expect, test } from 'vitest';
import * as k from '../src/constants.ts';
import * as nl from '../src/index.ts';
import {
  connectedNetwork,
  decodeLinkSummary,
  device,
  deviceDriver,
  deviceFlags,
  deviceIndex,
  setDeviceMac,
} from '../src/short-lived.ts';
import { freshRoute, json, live, run } from './live.ts';

live('links on a kernel', () => {
  const route = freshRoute();
  const shown = (name: string) => json(`ip -d -j link show dev ${name}`)[0];

  test('newLink() creates the same bridge as `ip`', () => {
    const rt = route();
    rt.request(
      nl.newLink({
        kind: 'bridge',
        name: 'br0',
        mtu: 1400,
        mac: '02:00:00:00:00:01',
        up: true,
        groupFwdMask: 8,
        ageingTime: 1000,
      }),
    );
    const link = rt.link({ name: 'br0' })!;
    const ip = shown('br0');
    expect(link).toMatchObject({
      index: ip.ifindex,
      mtu: ip.mtu,
      mac: ip.address,
      kind: ip.linkinfo.info_kind,
    });
    expect(link).toMatchObject({ mtu: 1400, up: true, mac: '02:00:00:00:00:01', txQueueLength: ip.txqlen });
    expect(ip.linkinfo.info_data).toMatchObject({ group_fwd_mask: '0x8', ageing_time: 1000 });
    expect(link.bridge).toMatchObject({
      groupFwdMask: 8,
      ageingTime: 1000,
      maxAge: ip.linkinfo.info_data.max_age,
    });
    expect(link.bridge!.priority).toBe(ip.linkinfo.info_data.priority);
  });

  test('setDeviceMac() sets the address of an interface of its connection, and refuses other texts and names', () => {
    const rt = route();
    rt.request(nl.newLink({ kind: 'veth', name: 'v0', mac: '02:00:00:00:00:01', peer: { name: 'v1' } }));
    const set = (name: string, mac: string) => () => setDeviceMac(rt, name, mac);
    set('v0', '02:00:5e:10:00:0A')();
    expect(rt.link({ name: 'v0' })?.mac).toBe('02:00:5e:10:00:0a');
    expect(set('v0', '02:00')).toThrow('is not a MAC address');
    expect(set('v0', '01:00:00:00:00:01')).toThrow('EADDRNOTAVAIL');
    expect(set('v2', '02:00:5e:10:00:0a')).toThrow('ENODEV');
    expect(set('lo', '02:00:5e:10:00:0a')).toThrow('EINVAL');
  });

  test('device() and deviceDriver() return the fields of link() in the namespace of its connection', () => {
    const rt = route();
    const path = nl.createNetns('elsewhere', { directory: '/run/cnikit-test' });
    const elsewhere = nl.openRtnetlink({ netns: path });
    rt.request(nl.newLink({ kind: 'bridge', name: 'br0', up: true, mac: '02:00:00:00:00:01' }));
    rt.request(nl.newLink({ kind: 'veth', name: 'v0', peer: { name: 'v1' } }));
    for (const [name, driver] of [
      ['br0', 'bridge'],
      ['v0', 'veth'],
    ] as const) {
      const { index, flags, mac } = rt.link({ name })!;
      // The kernel takes IFF_RUNNING from a bridge without ports only some time after it came up.
      const settled = (bits: number) => bits & 0xffff & ~k.IFF_RUNNING;
      const seen = device(rt, name)!;
      expect({ ...seen, flags: settled(seen.flags) }).toEqual({
        name,
        index,
        flags: settled(flags),
        mac,
      });
      expect([deviceDriver(rt, name), deviceDriver(elsewhere, name)]).toEqual([driver, undefined]);
      expect([deviceIndex(rt, name), settled(deviceFlags(rt, name)!)]).toEqual([index, settled(flags)]);
      expect([device(elsewhere, name), deviceIndex(elsewhere, name), deviceFlags(elsewhere, name)]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    }
    expect(device(rt, 'lo')).toEqual({ name: 'lo', index: 1, flags: k.IFF_LOOPBACK });
    expect(deviceDriver(rt, 'lo')).toBeUndefined();
    elsewhere.close();
    nl.deleteNetns('elsewhere', { directory: '/run/cnikit-test' });
  });

  test('connectedNetwork() returns the link and its address in the network of an address', () => {
    const rt = route();
    const index = rt.createLink({ kind: 'bridge', name: 'br0', up: true })!.index;
    const other = rt.createLink({ kind: 'bridge', name: 'br1', up: true })!.index;
    expect(() => connectedNetwork(rt, '10.9.0.2')).toThrow('ENETUNREACH');
    rt.request(nl.newAddress({ index, address: '10.9.0.1/20' }));
    rt.request(nl.newAddress({ index, address: '10.9.0.3/20' }));
    expect(connectedNetwork(rt, '10.9.15.254')).toEqual({ index, address: '10.9.0.1/20' });
    rt.request(nl.newAddress({ index: other, address: '10.9.8.1/24' }));
    expect(connectedNetwork(rt, '10.9.8.2')).toEqual({ index: other, address: '10.9.8.1/24' });
    rt.request(nl.newRoute({ dst: '10.9.1.0/24', oif: other, src: '10.9.8.1' }));
    expect(connectedNetwork(rt, '10.9.1.2')).toBeUndefined();
    rt.request(nl.newRoute({ dst: '10.7.0.0/16', via: '10.9.0.9' }));
    expect(connectedNetwork(rt, '10.7.0.1')).toBeUndefined();
  });

  test('delLinkGroup() deletes all links of a group and no others', () => {
    const rt = route();
    for (const [name, group] of [
      ['a', 7],
      ['b', 7],
      ['c', 8],
      ['d', 0],
    ] as const) {
      rt.request(nl.newLink({ kind: 'ifb', name, group }));
    }
    rt.request(nl.delLinkGroup(7));
    expect(rt.links({ kind: 'ifb' }).map(({ name }) => name)).toEqual(['c', 'd']);
    expect(() => rt.request(nl.delLinkGroup(7))).toThrow(expect.objectContaining({ code: 'ENODEV' }));
    expect(() => nl.delLinkGroup(0)).toThrow(/not positive/);
  });

  test('createLink() creates a veth with its peer in another namespace in one message', () => {
    const rt = route();
    const path = nl.createNetns('pod1', { directory: '/run/cnikit-test' });
    const bridge = rt.createLink({ kind: 'bridge', name: 'br0', up: true })!;
    const fd = sys.open(path, O_RDONLY);
    const made = rt.createLink({
      kind: 'veth',
      name: 'v0',
      mtu: 1400,
      up: true,
      master: bridge.index,
      peer: { name: 'eth0', mtu: 1400, mac: '02:00:00:00:00:02', txQueues: 1, rxQueues: 3, netns: fd },
    })!;
    const host = rt.link({ name: 'v0' })!;
    expect(made).toMatchObject({ index: host.index, master: bridge.index, kind: 'veth' });
    expect(host).toMatchObject({ master: bridge.index, up: true, mtu: 1400, portKind: 'bridge' });
    expect(shown('v0').master).toBe('br0');
    const pod = nl.openRtnetlink({ netns: path });
    expect(pod.link({ name: 'eth0' })).toMatchObject({
      mtu: 1400,
      mac: '02:00:00:00:00:02',
      up: false,
      txQueues: 1,
      rxQueues: 3,
    });
    expect(rt.netnsId({ fd })).toBe(host.linkNetnsId);
    pod.request(nl.newAddress({ index: pod.link({ name: 'eth0' })!.index, address: '10.7.0.2/24' }));
    const inside = rt.addresses({ family: 'ipv4', netnsId: host.linkNetnsId! });
    expect(inside.map(({ address }) => address)).toContain('10.7.0.2/24');
    expect(rt.addresses({ family: 'ipv4' }).map(({ address }) => address)).not.toContain('10.7.0.2/24');
    const eth0 = pod.link({ name: 'eth0' }, decodeLinkSummary);
    expect(eth0).toMatchObject({ index: made.link, link: host.index });
    rt.request(nl.delLink({ index: host.index }));
    expect(pod.link({ name: 'eth0' })).toBeUndefined();
    pod.close();
    sys.close(fd);
    nl.deleteNetns('pod1', { directory: '/run/cnikit-test' });
  });

  test('setLink() changes IPv4 settings of a link, beside those of IPv6', () => {
    const rt = route();
    rt.request(nl.newLink({ kind: 'veth', name: 'conf0', peer: { name: 'conf1' } }));
    const read = (name: string) => readFileSync(`/proc/sys/net/ipv4/conf/conf0/${name}`, 'utf8').trim();
    rt.request(nl.setLink({ name: 'conf0', addrGenMode: 'none', ipv4Conf: { rpFilter: 2, forwarding: 1 } }));
    expect([read('rp_filter'), read('forwarding'), rt.link({ name: 'conf0' })?.addrGenMode]).toEqual([
      '2',
      '1',
      'none',
    ]);
    rt.request(nl.setLink({ name: 'conf0', ipv4Conf: { forwarding: 0 } }));
    expect([read('rp_filter'), read('forwarding')]).toEqual(['2', '0']);
    rt.request(nl.delLink({ name: 'conf0' }));
  });

  test('setLink() changes, renames and moves a link', () => {
    const rt = route();
    const path = nl.createNetns('pod2', { directory: '/run/cnikit-test' });
    rt.request(nl.newLink({ kind: 'veth', name: 'a', peer: { name: 'b' } }));
    const { index } = rt.link({ name: 'a' })!;
    rt.batch([
      nl.setLink({ name: 'a', mtu: 1300, mac: '02:00:00:00:00:03', alias: 'häfen', addrGenMode: 'none' }),
      nl.setLink({ index, newName: 'c', promiscuous: true }),
      nl.setLink({ index, up: true }),
    ]);
    const ip = shown('c');
    expect(rt.link({ index })).toMatchObject({
      name: 'c',
      mtu: 1300,
      alias: 'häfen',
      up: true,
      addrGenMode: 'none',
    });
    expect(ip).toMatchObject({
      mtu: 1300,
      address: '02:00:00:00:00:03',
      ifalias: 'häfen',
      inet6_addr_gen_mode: 'none',
    });
    expect(ip.flags).toContain('PROMISC');
    const fd = sys.open(path, O_RDONLY);
    rt.request(nl.setLink({ index, netns: fd }));
    sys.close(fd);
    expect(rt.link({ name: 'c' })).toBeUndefined();
    const pod = nl.openRtnetlink({ netns: path });
    expect(pod.link({ name: 'c' })).toMatchObject({ name: 'c', mtu: 1300 });
    pod.close();
    nl.deleteNetns('pod2', { directory: '/run/cnikit-test' });
  });

  test('setLink() sets the options of a bridge port', () => {
    const rt = route();
    rt.request(nl.newLink({ kind: 'bridge', name: 'br0' }));
    rt.request(nl.newLink({ kind: 'veth', name: 'p0', master: rt.link({ name: 'br0' })!.index }));
    const port = {
      hairpin: true,
      isolated: true,
      learning: false,
      flood: false,
      mcastFlood: false,
      portCost: 9,
    };
    rt.request(nl.setLink({ name: 'p0', ...port }));
    expect(rt.link({ name: 'p0' })!.bridgePort).toMatchObject(port);
    const data = shown('p0').linkinfo.info_slave_data;
    expect(data).toMatchObject({ hairpin: true, isolated: true, learning: false, flood: false, cost: 9 });
  });

  test.each([
    ['vxlan', { id: 42, port: 4789, local: '10.0.0.1', macLearning: false, remote: '10.0.0.2', ttl: 7 }],
    [
      'vxlan',
      {
        id: 43,
        port: 4789,
        local: 'fd00::1',
        macLearning: true,
        remote: 'fd00::2',
        portRange: { low: 5, high: 9 },
      },
    ],
    ['ifb', {}],
    ['macvlan', { mode: 'bridge' }],
  ] as const)('newLink() of kind %s keeps its settings', (kind, settings) => {
    const rt = route();
    rt.request(nl.newLink({ kind: 'bridge', name: 'below' }));
    const below = kind === 'macvlan' ? { link: rt.link({ name: 'below' })!.index } : {};
    rt.request(nl.newLink({ kind, name: 'x0', ...below, ...settings } as nl.LinkSpec));
    const link = rt.link({ name: 'x0' })!;
    expect(link).toMatchObject({ kind, ...below });
    if (kind !== 'ifb') {
      expect(link[kind]).toMatchObject(settings);
    }
    expect(shown('x0').linkinfo.info_kind).toBe(kind);
  });

  test('links() returns the links of `ip`, and filters in the kernel', () => {
    const rt = route();
    rt.request(nl.newLink({ kind: 'bridge', name: 'br0' }));
    const master = rt.link({ name: 'br0' })!.index;
    for (let i = 0; i < 40; i++) {
      rt.request(nl.newLink({ kind: 'veth', name: `v${i}`, master, peer: { name: `w${i}` } }));
    }
    const ip = json('ip -j link');
    const links = rt.links();
    expect(links.map(({ index, name, mtu }) => [index, name, mtu])).toEqual(
      ip.map(({ ifindex, ifname, mtu }) => [ifindex, ifname, mtu]),
    );
    expect(rt.links({ master })).toHaveLength(40);
    expect(rt.links({ kind: 'bridge' }).map(({ name }) => name)).toEqual(['br0']);
    expect(rt.links({ name: 'v7', master })).toHaveLength(1);
    expect(rt.links({ name: 'w7', master })).toEqual([]);
    expect(rt.links({ name: 'nothing' })).toEqual([]);
    expect(rt.links()[0]!.statistics).toMatchObject({ rxPackets: 0, txBytes: 0 });
  });

  test('link() finds a link by its alternative name', () => {
    const rt = route();
    run('ip link add br0 type bridge');
    run('ip link property add dev br0 altname a-name-longer-than-sixteen-bytes');
    expect(rt.link({ name: 'br0' })!.alternativeNames).toEqual(['a-name-longer-than-sixteen-bytes']);
  });

  test("NetlinkError has the kernel's code and explanation", () => {
    const rt = route();
    rt.request(nl.newLink({ kind: 'bridge', name: 'br0' }));
    const refused = (body: () => unknown, fields: object) =>
      expect(body).toThrow(expect.objectContaining(fields));
    refused(() => rt.request(nl.newLink({ kind: 'bridge', name: 'br0' })), { code: 'EEXIST' });
    refused(() => rt.request(nl.delLink({ name: 'br7' })), { code: 'ENODEV' });
    refused(() => rt.request(nl.setLink({ name: 'br0', mtu: 1 })), {
      code: 'EINVAL',
      extack: { message: 'mtu less than device minimum' },
    });
    const up = nl.newLink({ kind: 'bridge', name: 'bad/name' });
    refused(() => rt.request(up), { code: 'EINVAL', request: up });
  });

  test('link() decodes a tun link, which the kernel refuses to create by netlink', () => {
    const rt = route();
    const tun = nl.newLink({ kind: 'tun', name: 't0' });
    expect(() => rt.request(tun)).toThrow(
      expect.objectContaining({ code: 'EOPNOTSUPP', message: expect.stringContaining('new link t0 (tun)') }),
    );
    run('ip tuntap add dev t1 mode tap user 7');
    expect(rt.link({ name: 't1' })).toMatchObject({
      kind: 'tun',
      tun: { owner: 7, tunType: 'tap', persist: true },
    });
    rt.request(nl.delLink({ name: 't1' }));
  });

  test('NetlinkError points at the attribute that the kernel refused', () => {
    const rt = route();
    const bad: nl.Request = { ...nl.newLink({ kind: 'bridge' }), describe: 'a short MTU' };
    // IFLA_MTU of one byte.
    bad.payload = Uint8Array.of(...new Uint8Array(16), 5, 0, 4, 0, 1, 0, 0, 0);
    expect(() => rt.request(bad)).toThrow(
      expect.objectContaining({
        code: expect.stringMatching(/^(EINVAL|ERANGE)$/),
        extack: expect.objectContaining({ offset: 32, policy: expect.objectContaining({ type: 4 }) }),
      }),
    );
  });
});
