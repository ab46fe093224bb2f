import { CLONE_NEWNET, sys } from '@cnikit/sys';
import { beforeEach, expect, test } from 'vitest';
import { NUD_PERMANENT } from '../src/constants.ts';
import * as nl from '../src/index.ts';
import { live, run } from './live.ts';

/** Removes the times of NDA_CACHEINFO, which change by themselves. */
const withoutAge = ({ unknown, ...rest }: nl.Neighbour): nl.Neighbour => {
  const kept = unknown?.filter(({ type }) => type !== 3) ?? [];
  return kept.length === 0 ? rest : { ...rest, unknown: kept };
};

live('Decoded objects on a kernel', () => {
  let rt: nl.RtnetlinkConnection;
  let index: number;
  beforeEach(() => {
    sys.unshare(CLONE_NEWNET);
    rt = nl.openRtnetlink();
    // Without link-local addresses, whose routes come later.
    rt.request(nl.newLink({ kind: 'veth', name: 'd0', peer: { name: 'd1' } }));
    rt.batch([
      nl.setLink({ name: 'd0', addrGenMode: 'none' }),
      nl.setLink({ name: 'd1', addrGenMode: 'none' }),
      nl.setLink({ name: 'd1', up: true }),
    ]);
    rt.request(nl.setLink({ name: 'd0', up: true }));
    ({ index } = rt.link({ name: 'd0' })!);
    rt.request(nl.newAddress({ index, address: '10.0.0.1/24' }));
    rt.request(nl.newAddress({ index, address: 'fd00::1/64', nodad: true }));
  });

  /** Deletes and creates each object that `ip` has made. The rest of the list and its order must stay equal. */
  function roundTrip<T>(
    list: () => T[],
    commands: readonly string[],
    del: (one: T) => nl.Request,
    add: (one: T) => nl.Request,
  ): void {
    const before = list().map((one) => JSON.stringify(one));
    for (const command of commands) {
      run(command);
    }
    const all = list();
    const made = all.filter((one) => !before.includes(JSON.stringify(one)));
    expect(made.length).toBeGreaterThanOrEqual(commands.length);
    const sorted = (objects: readonly T[]) => objects.map((one) => JSON.stringify(one)).sort();
    for (const one of made) {
      rt.request(del(one));
      expect(sorted(list())).toEqual(sorted(all.filter((other) => other !== one)));
      rt.request(add(one));
      expect(sorted(list())).toEqual(sorted(all));
    }
  }

  test('newRoute() and delRoute() take every decoded route', () => {
    run('ip nexthop add id 7 via 10.0.0.9 dev d0');
    run('ip nexthop add id 8 via fd00::9 dev d0');
    roundTrip(
      () => rt.routes().filter(({ table }) => table !== 'local'),
      [
        'ip route add 198.51.100.0/24 via 10.0.0.2 metric 5 mtu 1400 advmss 1300',
        'ip route add 198.51.101.0/24 via 10.0.0.2 realms 3/4',
        'ip route add 198.51.102.0/24 nhid 7',
        'ip -6 route add fd02::/64 nhid 8',
        'ip route add 198.51.103.0/24 nexthop via 10.0.0.2 weight 3 nexthop via 10.0.0.3 weight 5',
        'ip route add 198.51.104.0/24 via 203.0.113.1 dev d0 onlink',
        'ip route add blackhole 198.51.105.0/24',
        'ip route add unreachable 198.51.106.0/24 table 300',
        'ip route add 198.51.107.0/24 dev d0 src 10.0.0.1 proto 201 tos 0x10',
        'ip route add 198.51.108.0/24 via inet6 fd00::2 dev d0',
        'ip -6 route add fd01::/64 via fd00::2 dev d0',
        'ip -6 route add fd01::/64 from fd03::/64 via fd00::3 dev d0',
        'ip -6 route add default from fd04::/64 via fd00::3 dev d0 pref high',
        'ip route add 198.51.109.0/24 encap ip id 5 dst 10.9.9.9 dev d0',
      ],
      nl.delRoute,
      (route) => nl.newRoute({ ...route, mode: 'append' }),
    );
  });

  test('delRoute() of a source-specific route spares the plain route', () => {
    run('ip -6 route add fd01::/64 via fd00::2 dev d0');
    run('ip -6 route add fd01::/64 from fd03::/64 via fd00::2 dev d0');
    const mine = () => rt.routes({ family: 'ipv6' }).filter(({ dst }) => dst === 'fd01::/64');
    rt.request(nl.delRoute(mine().find(({ from }) => from !== undefined)!));
    expect(mine().map(({ from }) => from)).toEqual([undefined]);
  });

  test('newRoutingRule() and delRoutingRule() take every decoded rule', () => {
    roundTrip(
      () => rt.rules(),
      [
        'ip rule add not from 10.1.0.0/16 table 100 priority 100',
        'ip rule add uidrange 5-9 table 100 priority 101',
        'ip rule add fwmark 0x10/0xff table 1000 priority 102',
        'ip rule add iif d0 ipproto tcp sport 80-90 dport 443 table 100 priority 103',
        'ip rule add to 10.2.0.0/16 blackhole priority 104',
        'ip rule add goto 32766 priority 105',
        'ip rule add table main suppress_prefixlength 8 priority 106',
        'ip rule add table main suppress_ifgroup 4 priority 107',
        'ip rule add tos 0x10 table 100 priority 108',
        'ip rule add oif d0 l3mdev protocol 201 priority 109',
        'ip rule add from all table 100 priority 200',
        'ip -6 rule add not to fd01::/64 table 100 priority 100',
      ],
      nl.delRoutingRule,
      nl.newRoutingRule,
    );
  });

  test('newAddress() and delAddress() take every decoded address', () => {
    roundTrip(
      () => rt.addresses(),
      [
        'ip address add 10.1.0.1 peer 10.1.0.2/24 dev d0',
        'ip address add 10.2.0.1/24 broadcast 10.2.0.255 label d0:x dev d0 metric 7 noprefixroute',
        'ip address add 10.3.0.1/32 scope host dev d0',
        'ip address add fd05::1/64 dev d0 nodad',
        'ip address add fd06::1 peer fd06::2/64 dev d0 nodad',
      ],
      nl.delAddress,
      nl.newAddress,
    );
  });

  test('newNeighbour() and delNeighbour() take every decoded neighbour', () => {
    roundTrip(
      () =>
        rt
          .neighbours()
          .filter(({ state }) => state === NUD_PERMANENT)
          .map(withoutAge),
      [
        'ip neighbour add 10.0.0.7 lladdr 02:00:00:00:00:07 dev d0 nud permanent',
        'ip neighbour add 10.0.0.8 lladdr 02:00:00:00:00:08 dev d0 nud permanent protocol bird',
        'ip neighbour add fd00::7 lladdr 02:00:00:00:00:07 dev d0 nud permanent router',
      ],
      nl.delNeighbour,
      nl.newNeighbour,
    );
  });

  test('newNeighbour() and delNeighbour() take every decoded proxy', () => {
    roundTrip(
      () => rt.neighbours({ proxy: true }),
      [
        'ip neighbour add proxy 10.0.0.7 dev d0',
        'ip neighbour add proxy 10.0.0.8 dev d0 protocol bird',
        'ip neighbour add proxy fd00::7 dev d0 router',
      ],
      nl.delNeighbour,
      nl.newNeighbour,
    );
    rt.request(nl.newNeighbour({ index, address: '10.0.0.9', proxy: true }));
    expect(run('ip neighbour show proxy dev d0')).toContain('10.0.0.9');
    expect(rt.neighbours({ proxy: true, index: index + 1000 })).toEqual([]);
    expect(rt.neighbours().filter(({ proxy }) => proxy)).toEqual([]);
  });

  test('newNeighbour() and delNeighbour() take every decoded forwarding entry', () => {
    rt.request(nl.newLink({ kind: 'bridge', name: 'b0', up: true }));
    rt.request(nl.newLink({ kind: 'vxlan', name: 'v0', id: 5, port: 4789, link: index, up: true }));
    rt.request(nl.setLink({ index, master: rt.link({ name: 'b0' })!.index }));
    roundTrip(
      // Without the multicast entries of IPv6, which come and go.
      () =>
        rt
          .neighbours({ family: 'bridge' })
          .filter(({ mac }) => mac?.startsWith('02:00:00:00:00:'))
          .map(withoutAge),
      [
        'bridge fdb add 02:00:00:00:00:07 dev d0 master static',
        'bridge fdb add 02:00:00:00:00:08 dev d0 self',
        'bridge fdb add 02:00:00:00:00:09 dev v0 dst 192.0.2.9',
        'bridge fdb add 02:00:00:00:00:0a dev v0 dst 192.0.2.9 port 4790 vni 6 via d0',
      ],
      nl.delNeighbour,
      nl.newNeighbour,
    );
    const unknown = [{ type: 14, nested: true, data: new Uint8Array(0) }];
    expect(() => nl.newNeighbour({ index, address: '10.0.0.7', unknown })).toThrow(/NDA_FDB_EXT_ATTRS/);
  });

  test('newNextHopObject() and delNextHopObject() take every decoded object', () => {
    rt.request(nl.setLink({ name: 'lo', up: true }));
    roundTrip(
      () => rt.connection.dump(nl.getNextHopObjects(), nl.decodeNextHopObject),
      [
        'ip nexthop add id 7 via 10.0.0.9 dev d0',
        'ip nexthop add id 8 via fd00::9 dev d0 protocol bird',
        'ip nexthop add id 9 dev d0',
        'ip nexthop add id 10 blackhole',
        'ip nexthop add id 11 via 203.0.113.1 dev d0 onlink',
        'ip nexthop add id 12 via 10.0.0.9 fdb',
        'ip -6 nexthop add id 13 blackhole',
      ],
      nl.delNextHopObject,
      nl.newNextHopObject,
    );
    rt.request(nl.newNextHopObject({ id: 14, via: '10.0.0.8', oif: index }));
    const members = [
      { id: 7, weight: 3 },
      { id: 14, weight: 256 },
    ];
    rt.request(nl.newNextHopObject({ id: 20, group: members }));
    roundTrip(
      () => rt.connection.dump(nl.getNextHopObjects(), nl.decodeNextHopObject),
      ['ip nexthop add id 21 group 7,2/14,5'],
      nl.delNextHopObject,
      nl.newNextHopObject,
    );
    rt.request(nl.newNextHopObject({ id: 7, via: '10.0.0.7', oif: index, mode: 'replace' }));
    const objects = rt.connection.dump(nl.getNextHopObjects(), nl.decodeNextHopObject);
    expect(objects.find(({ id }) => id === 20)).toMatchObject({ group: members });
    expect(objects.find(({ id }) => id === 7)).toMatchObject({ via: '10.0.0.7', oif: index });
    expect(() => rt.request(nl.newNextHopObject({ id: 7, blackhole: true }))).toThrow(/EEXIST/);
    expect(() => nl.newNextHopObject({ id: 30, group: [] })).toThrow(/needs a member/);
    expect(() => nl.newNextHopObject({ id: 30, group: [{ id: 7, weight: 65537 }] })).toThrow(/weight/);
    expect(() => nl.newNextHopObject({ id: 30, group: [{ id: 7, weight: 0 }] })).toThrow(/weight/);
  });

  test('newMdbEntry() and delMdbEntry() take every decoded group', () => {
    rt.request(nl.newLink({ kind: 'bridge', name: 'b0', mcastIgmpVersion: 3, mcastMldVersion: 2 }));
    const bridge = rt.link({ name: 'b0' })!.index;
    rt.request(nl.setLink({ index, master: bridge }));
    rt.request(nl.setLink({ index: bridge, up: true, addrGenMode: 'none' }));
    roundTrip(
      // Without those of IPv6 that the host itself joins.
      () =>
        rt.mdb({ bridge }).filter(({ group, state }) => !group.startsWith('ff02') && state === 'permanent'),
      [
        'bridge mdb add dev b0 port d0 grp 239.1.1.1 permanent',
        'bridge mdb add dev b0 port d0 grp 239.1.1.1 src 10.9.9.9 permanent',
        'bridge mdb add dev b0 port d0 grp 239.1.1.2 src 10.9.9.9 permanent',
        'bridge mdb add dev b0 port d0 grp ff0e::1 permanent',
        'bridge mdb add dev b0 port d0 grp ff0e::1 src fd09::9 permanent',
        'bridge mdb add dev b0 port d0 grp 01:00:5e:01:02:03 permanent',
      ],
      nl.delMdbEntry,
      nl.newMdbEntry,
    );
    const spec = { bridge, index, group: '239.1.1.3', state: 'permanent', protocol: 'bird' } as const;
    rt.request(nl.newMdbEntry(spec));
    expect(rt.mdb({ bridge })).toContainEqual(expect.objectContaining(spec));
    const unknown = [{ type: 2, nested: true, data: new Uint8Array(0) }];
    expect(() => nl.newMdbEntry({ ...spec, unknown })).toThrow(/MDBA_MDB_EATTR_SRC_LIST/);
    expect(() => nl.newMdbEntry({ ...spec, group: 'x' })).toThrow(/group "x" is not an IP address/);
    expect(() => nl.newMdbEntry({ ...spec, source: 'x' })).toThrow(/source "x" is not an IP address/);
    expect(() => nl.newMdbEntry({ ...spec, state: 'tmp' as 'temp' })).toThrow(/state "tmp" is unknown/);
  });

  test.each<[string, nl.RouteEncap]>([
    ['ip id 5 dst 10.9.9.9 ttl 9', { type: 'ip', id: 5, remote: '10.9.9.9', ttl: 9 }],
    [
      'ip6 id 6 dst fd09::9 src fd09::8 hoplimit 8',
      { type: 'ip6', id: 6, remote: 'fd09::9', local: 'fd09::8' },
    ],
    [
      'seg6 mode encap segs fd01::1,fd01::2',
      { type: 'seg6', mode: 'encap', segments: ['fd01::1', 'fd01::2'] },
    ],
    ['seg6 mode inline segs fd01::1', { type: 'seg6', mode: 'inline', segments: ['fd01::1'] }],
  ])('encodeEncap() takes what decodeEncap() returns of `encap %s`', (words, expected) => {
    run(`ip -6 route add fd77::/64 encap ${words} dev d0`);
    const mine = () => rt.routes({ family: 'ipv6' }).filter(({ dst }) => dst === 'fd77::/64');
    const [route] = mine();
    const encap = nl.decodeEncap(route!)!;
    expect(encap).toMatchObject(expected);
    rt.request(nl.delRoute(route!));
    rt.request(nl.newRoute({ ...route!, ...nl.encodeEncap(encap) }));
    expect(mine()).toEqual([route]);
  });

  test('newLink() makes a vxlan whose TTL is inherited', () => {
    const spec = { kind: 'vxlan', id: 5, ttlInherit: true, link: index, port: 4789 } as const;
    rt.request(nl.newLink({ ...spec, name: 'v0' }));
    const [link] = rt.links({ kind: 'vxlan' });
    expect(link?.vxlan).toMatchObject({ ttlInherit: true });
    rt.request(nl.delLink({ name: 'v0' }));
    rt.request(nl.newLink({ ...spec, name: 'v0', ttlInherit: false }));
    expect(rt.links({ kind: 'vxlan' })).toMatchObject([{ vxlan: { ttlInherit: false } }]);
  });

  test('newRoute(), newRoutingRule() and newAddress() refuse attributes that have no field, and name them', () => {
    const unknown = [{ type: 26, nested: false, data: new Uint8Array(1) }];
    expect(() => nl.newRoute({ dst: '10.0.0.0/8', unknown })).toThrow(/RTA_TTL_PROPAGATE/);
    expect(() => nl.delRoutingRule({ table: 5, unknown })).toThrow(/cannot be encoded: number 26/);
    expect(() => nl.newAddress({ index, address: '10.0.0.1', unknown })).toThrow(/number 26/);
  });

  test('link(), setLink() and delLink() find a link by an alternative name of any length', () => {
    const long = 'an-alternative-name-that-is-longer-than-fifteen-bytes';
    rt.request(nl.addAlternativeNames({ index }, [long, 'short']));
    expect(rt.link({ name: long })).toMatchObject({ index, name: 'd0', alternativeNames: [long, 'short'] });
    expect(rt.link({ name: 'short' })).toMatchObject({ index });
    rt.request(nl.setLink({ name: long, mtu: 1300 }));
    rt.request(nl.delAlternativeNames({ name: long }, ['short']));
    expect(rt.link({ index })).toMatchObject({ mtu: 1300, alternativeNames: [long] });
    expect(rt.link({ name: 'short' })).toBeUndefined();
    expect(() => nl.addAlternativeNames({ index }, ['x'.repeat(128)])).toThrow(nl.NetlinkEncodeError);
    rt.request(nl.delLink({ name: long }));
    expect(rt.link({ index })).toBeUndefined();
  });
});
