/** The decoder returns the input of the builder, in both byte orders. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { soakSize } from '../../../vitest.soak.ts';
import { type ByteOrder, payloadOf } from '../src/codec/bytes.ts';
import { decodeFlow, openConntrack, updateFlow } from '../src/conntrack.ts';
import { openGeneric } from '../src/generic.ts';
import * as nl from '../src/index.ts';
import { openIpSet } from '../src/ipset.ts';
import { otherTables } from '../src/netfilter/expression-other.ts';
import { decodeFlowtable } from '../src/netfilter/flowtable.ts';
import { decodeObject } from '../src/netfilter/named-objects.ts';
import { decodeRule as decodeNftRule } from '../src/netfilter/rule.ts';
import * as nft from '../src/nftables.ts';
import { linkTable } from '../src/route/link-attributes.ts';
import { bridgePortTable } from '../src/route/link-kinds/bridge-port.ts';
import { linkKinds } from '../src/route/link-kinds/index.ts';
import * as names from '../src/route/names.ts';
import { metricsTable } from '../src/route/route-attributes.ts';
import * as any from './arbitraries.ts';
import { toHex } from './golden.ts';

const orders: ByteOrder[] = ['little', 'big'];
const runs = { numRuns: soakSize(100, 500) };
const runsOfKind = { numRuns: soakSize(40, 200) };

describe.each(orders)('%s endian', (order) => {
  test.each(Object.keys(linkKinds) as nl.LinkKind[])('newLink() of a %s decodes to its input', (kind) => {
    const { table } = linkKinds[kind];
    fc.assert(
      fc.property(any.valuesOf(table), any.valuesOf(linkTable), any.name, (info, common, name) => {
        const shared = Object.fromEntries(Object.entries(common).filter(([key]) => !(key in table)));
        const spec = { ...shared, ...info, kind, name } as nl.LinkSpec;
        const link = nl.decodeLink(payloadOf(nl.newLink(spec, order).payload, order));
        expect(link).toMatchObject({ ...shared, kind, name });
        if (Object.keys(info).length > 0) {
          expect(link[kind]).toEqual(info);
        }
        expect(link.unknown).toBeUndefined();
      }),
      runsOfKind,
    );
  });

  test('newLink() of a veth with its peer decodes to its input', () => {
    const peer = fc.record(
      { name: any.name, mtu: any.u32, mac: any.mac, netns: any.u16 },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(peer, fc.boolean(), (it, up) => {
        const request = nl.newLink({ kind: 'veth', peer: it, up }, order);
        expect(nl.decodeLink(payloadOf(request.payload, order))).toMatchObject({ up, veth: { peer: it } });
      }),
      runs,
    );
  });

  test('newLink() of a vxlan with addresses decodes to its input', () => {
    const range = fc.record({ low: any.u16, high: any.u16 });
    const spec = fc.record({ id: any.u32, remote: any.address, local: any.address, portRange: range });
    fc.assert(
      fc.property(spec, (vxlan) => {
        const request = nl.newLink({ kind: 'vxlan', ...vxlan }, order);
        expect(nl.decodeLink(payloadOf(request.payload, order)).vxlan).toEqual(vxlan);
      }),
      runs,
    );
  });

  test('setLink() of a bridge port decodes to its input', () => {
    fc.assert(
      fc.property(any.valuesOf(bridgePortTable), any.index, (port, index) => {
        const link = nl.decodeLink(payloadOf(nl.setLink({ index, ...port }, order).payload, order));
        expect(link.index).toBe(index);
        expect(link.bridgePort ?? {}).toEqual(port);
      }),
      runs,
    );
  });

  test('newAddress() decodes to its input', () => {
    const spec = fc.record(
      {
        index: any.index,
        address: any.prefix,
        scope: any.named(names.scopes, any.u8),
        label: any.name,
        flags: any.u16,
        routePriority: any.u32,
      },
      { requiredKeys: ['index', 'address'] },
    );
    fc.assert(
      fc.property(spec, (it) => {
        const decoded = nl.decodeAddress(
          payloadOf(nl.newAddress(it as nl.AddressSpec, order).payload, order),
        );
        expect(decoded).toMatchObject({ scope: 'global', flags: 0, ...it });
        expect(decoded.unknown).toBeUndefined();
      }),
      runs,
    );
  });

  test('newRoute() decodes to its input', () => {
    const hop = fc.record(
      {
        via: any.address,
        oif: any.index,
        weight: fc.integer({ min: 1, max: 256 }),
        onlink: fc.constant(true),
      },
      { requiredKeys: ['via', 'oif', 'weight'] },
    );
    const spec = fc.record(
      {
        dst: any.prefix,
        via: any.address,
        oif: any.index,
        src: any.address,
        table: any.named(names.tables, fc.integer({ min: 1, max: 0xffffffff })),
        protocol: any.named(names.protocols, any.u8),
        scope: any.named(names.scopes, any.u8),
        priority: any.u32,
        type: any.named(names.routeTypes, any.u8),
        onlink: fc.constant(true),
        tos: any.u8,
        metrics: any.valuesOf(metricsTable),
        nextHops: fc.array(hop, { minLength: 1, maxLength: 4 }),
        expires: fc.integer({ min: 1, max: 0xffffffff }),
        preference: any.named(names.preferences, any.u8),
      },
      { requiredKeys: ['dst'] },
    );
    fc.assert(
      fc.property(spec, (it) => {
        const decoded = nl.decodeRoute(payloadOf(nl.newRoute(it as nl.RouteSpec, order).payload, order));
        expect(decoded).toMatchObject(it);
        expect(decoded.unknown).toBeUndefined();
      }),
      runs,
    );
  });

  test('newNeighbour() decodes to its input', () => {
    const spec = fc.record(
      { index: any.index, address: any.address, mac: any.mac, state: any.u16, flags: any.u8, vlan: any.u16 },
      { requiredKeys: ['index', 'address'] },
    );
    fc.assert(
      fc.property(spec, (it) => {
        const decoded = nl.decodeNeighbour(payloadOf(nl.newNeighbour(it, order).payload, order));
        expect(decoded).toMatchObject(it);
      }),
      runs,
    );
  });

  test('newRoutingRule() decodes to its input', () => {
    const ports = fc.record({ first: any.u16, last: any.u16 });
    const spec = fc.record(
      {
        from: any.prefix,
        table: any.named(names.tables, fc.integer({ min: 1, max: 0xffffffff })),
        priority: any.u32,
        fwmark: any.u32,
        iif: any.name,
        sourcePorts: ports,
        destinationPorts: ports,
        suppressPrefixLength: any.u8,
      },
      { requiredKeys: ['from'] },
    );
    fc.assert(
      fc.property(spec, (it) => {
        expect(
          nl.decodeRoutingRule(payloadOf(nl.newRoutingRule(it as nl.RoutingRuleSpec, order).payload, order)),
        ).toMatchObject(it);
      }),
      runs,
    );
  });

  test('newNextHopObject() decodes to its input', () => {
    const common = { id: any.u32, protocol: any.named(names.protocols, any.u8) };
    const hop = fc.record(
      {
        ...common,
        via: any.address,
        oif: any.index,
        onlink: fc.constant(true),
        fdb: fc.constant(true),
      },
      { requiredKeys: ['id', 'oif'] },
    );
    const member = fc.record({ id: any.u32, weight: fc.integer({ min: 1, max: 256 }) });
    const group = fc.record(
      {
        ...common,
        group: fc.array(member, { minLength: 1, maxLength: 40 }),
        groupType: any.named(names.groupTypes, any.u16),
      },
      { requiredKeys: ['id', 'group'] },
    );
    fc.assert(
      fc.property(fc.oneof(hop, group), (it) => {
        const { payload } = nl.newNextHopObject(it as nl.NextHopObjectSpec, order);
        const decoded = nl.decodeNextHopObject(payloadOf(payload, order));
        expect(decoded).toMatchObject(it);
        expect(decoded.unknown).toBeUndefined();
        expect(nl.newNextHopObject(decoded, order).payload).toEqual(payload);
      }),
      runs,
    );
  });

  test('encodeEncap() decodes to its input, also in a route', () => {
    const label = fc.nat(0xfffff);
    const ipFields = { id: any.u32, ttl: any.u8, tos: any.u8, flags: any.u16 };
    const ip6Fields = { id: any.u32, hopLimit: any.u8, trafficClass: any.u8, flags: any.u16 };
    const segment = any.ipv6.filter((text) => text !== '::');
    const encap = fc.oneof(
      fc.record(
        {
          type: fc.constant('mpls'),
          labels: fc.array(label, { minLength: 1, maxLength: 10 }),
          ttl: any.u8,
        },
        { requiredKeys: ['type', 'labels'] },
      ),
      fc.record(
        { type: fc.constant('ip'), remote: any.ipv4, local: any.ipv4, ...ipFields },
        { requiredKeys: ['type'] },
      ),
      fc.record(
        { type: fc.constant('ip6'), remote: any.ipv6, local: any.ipv6, ...ip6Fields },
        { requiredKeys: ['type'] },
      ),
      fc.record({
        type: fc.constant('seg6'),
        mode: fc.constantFrom('inline', 'encap', 'l2encap', 'encap.red', 'l2encap.red'),
        segments: fc.array(segment, { minLength: 1, maxLength: 20 }),
      }),
    );
    fc.assert(
      fc.property(encap, (it) => {
        const fields = nl.encodeEncap(it as nl.RouteEncap, order);
        expect(nl.decodeEncap(fields, order)).toEqual(it);
        const { payload } = nl.newRoute({ dst: '10.0.0.0/8', oif: 1, ...fields }, order);
        expect(nl.decodeEncap(nl.decodeRoute(payloadOf(payload, order)), order)).toEqual(it);
      }),
      runs,
    );
  });

  test('addBridgeVlans() decodes to its input', () => {
    const vid = fc.integer({ min: 1, max: 4094 });
    const vlan = fc.oneof(
      fc.record({ vid, pvid: fc.constant(true), untagged: fc.constant(true) }, { requiredKeys: ['vid'] }),
      fc
        .tuple(vid, vid)
        .filter(([a, b]) => a < b)
        .map(([a, b]) => ({ vid: a, last: b })),
    );
    const spec = fc.record({ index: any.index, vlans: fc.array(vlan, { minLength: 1, maxLength: 20 }) });
    fc.assert(
      fc.property(spec, (it) => {
        const { payload } = nl.addBridgeVlans(it, order);
        expect(nl.decodeBridgeVlans(payloadOf(payload, order))).toEqual({ ...it, name: '' });
      }),
      runs,
    );
  });

  test('updateFlow() decodes to its input', () => {
    const change = fc.record(
      { mark: any.u32, labels: fc.uint8Array({ minLength: 16, maxLength: 16 }), timeout: any.u32 },
      { requiredKeys: ['mark'] },
    );
    const ports = { protocol: any.u8, sourcePort: any.u16, destinationPort: any.u16 };
    const tuple = (address: fc.Arbitrary<string>) =>
      fc.record({ source: address, destination: address, ...ports });
    const flow = fc.oneof(
      fc.record({ family: fc.constant('ipv4' as const), original: tuple(any.ipv4), zone: any.u16 }),
      fc.record({ family: fc.constant('ipv6' as const), original: tuple(any.ipv6), zone: any.u16 }),
    );
    fc.assert(
      fc.property(flow, change, (it, values) => {
        const decoded = decodeFlow(payloadOf(updateFlow(it, values, order).payload, order));
        expect(decoded).toMatchObject({ ...it, ...values });
        expect(decoded.unknown).toBeUndefined();
      }),
      runs,
    );
  });

  test('newFlowtable(), newCounter(), newQuota() and newLimit() decode to their input', () => {
    // No keyword of nft begins like this.
    const objectName = any.name.map((text) => `x-${text}`);
    const ref = { family: fc.constant('inet' as const), table: any.name, name: objectName };
    const flowtable = fc.record({
      ...{ ...ref, priority: fc.integer({ min: -1000, max: 1000 }), flags: any.u32 },
      devices: fc.array(any.name, { maxLength: 4 }),
    });
    const values = fc.record({ ...ref, bytes: any.u32, packets: any.u32, consumed: any.u32, rate: any.u32 });
    fc.assert(
      fc.property(flowtable, values, (it, { rate, ...object }) => {
        const { payload } = nft.newFlowtable(it, order);
        expect(decodeFlowtable(payloadOf(payload, order))).toEqual(it);
        const read = (request: nl.Request) => decodeObject(payloadOf(request.payload, order));
        const { bytes, packets, consumed, ...name } = object;
        const named = { ...name, counter: { bytes, packets } };
        expect(read(nft.newCounter({ ...name, bytes, packets }, order))).toEqual({
          ...named,
          type: 'counter',
        });
        expect(read(nft.newQuota({ ...name, bytes, consumed }, order)).quota).toEqual({
          bytes,
          consumed,
          flags: 0,
        });
        const limit = { rate, burst: packets, unit: 1, type: 0, flags: 0 };
        expect(read(nft.newLimit({ ...name, rate, burst: packets }, order)).limit).toEqual(limit);
      }),
      runs,
    );
  });

  test.each(Object.keys(otherTables) as nft.OtherKind[])(
    'encodeOther() of %s decodes to its input',
    (kind) => {
      fc.assert(
        fc.property(any.valuesOf(otherTables[kind]), (fields) => {
          const expression = nft.encodeOther(kind, fields, order);
          const rule = { family: 'inet', table: 't', chain: 'c' } as const;
          const { payload } = nft.newRule({ ...rule, expressions: [expression] }, order);
          const [decoded] = decodeNftRule(payloadOf(payload, order)).expressions;
          expect(nft.decodeOther(decoded!, order)).toEqual({ kind, ...fields });
        }),
        runsOfKind,
      );
    },
  );
});

test('newMdbEntry() writes struct br_mdb_entry', () => {
  const entry = (spec: Partial<nl.MdbSpec>) =>
    toHex(nl.newMdbEntry({ bridge: 2, index: 3, group: '239.1.1.1', ...spec }).payload);
  const header = '07000000' + '02000000';
  expect(entry({ vlan: 5 })).toBe(
    `${header}20000100${'03000000' + '00000500' + 'ef010101'}${'00'.repeat(12)}08000000`,
  );
  expect(entry({ group: 'ff0e::1', state: 'permanent', source: 'fd00::1' })).toBe(
    `${header}20000100${'03000000' + '01000000'}ff0e${'00'.repeat(13)}0186dd0000${'18000280' + '14000100'}fd00${'00'.repeat(13)}01`,
  );
  expect(entry({ group: '01:00:5e:01:02:03', filterMode: 'include', protocol: 'bird' })).toBe(
    `${header}20000100${'03000000' + '00000000' + '01005e010203'}${'00'.repeat(10)}${'00000000' + '14000280' + '0500030001000000' + '050004000c000000'}`,
  );
});

describe('builders', () => {
  test.each([
    ['newAddress()', () => nl.newAddress({ index: 1, address: '10.0.0.1/33' }), 'BAD_ADDRESS'],
    ['newAddress()', () => nl.newAddress({ index: 1, address: 'x' }), 'BAD_ADDRESS'],
    ['newAddress()', () => nl.newAddress({ index: -1, address: '10.0.0.1/24' }), 'BAD_VALUE'],
    ['newRoute()', () => nl.newRoute({ dst: '10.0.0.0/8/8', via: '10.0.0.1' }), 'BAD_ADDRESS'],
    ['newRoute()', () => nl.newRoute({ dst: '10.0.0.0/8', via: '10.0.0' }), 'BAD_ADDRESS'],
    ['newRoute()', () => nl.newRoute({ dst: 'default', oif: 3 }), 'BAD_REQUEST'],
    ['newRoute()', () => nl.newRoute({ dst: '10.0.0.0/8', protocol: 256 }), 'BAD_VALUE'],
    ['newRoute()', () => nl.newRoute({ dst: '10.0.0.0/8', nextHops: [{ weight: 0 }] }), 'BAD_VALUE'],
    ['newLink()', () => nl.newLink({ kind: 'bridge', name: 'a-name-of-16-byt' }), 'TOO_LONG'],
    ['newLink()', () => nl.newLink({ kind: 'bridge', mac: '02:00' + ':zz' }), 'BAD_ADDRESS'],
    ['newLink()', () => nl.newLink({ kind: 'nope' as 'bridge' }), 'BAD_REQUEST'],
    ['newLink()', () => nl.newLink({ kind: 'toString' as 'bridge' }), 'BAD_REQUEST'],
    ['setLink()', () => nl.setLink({ up: true }), 'BAD_REQUEST'],
    ['setLink()', () => nl.setLink({ name: '', up: true }), 'BAD_REQUEST'],
    ['setLink()', () => nl.setLink({ name: 'a', newName: 'b' }), 'BAD_REQUEST'],
    ['delLink()', () => nl.delLink({ index: 0 }), 'BAD_REQUEST'],
    ['delLink()', () => nl.delLink({}), 'BAD_REQUEST'],
    ['addBridgeVlans()', () => nl.addBridgeVlans({ index: 1, vlans: [{ vid: 4095 }] }), 'BAD_VALUE'],
    ['delBridgeVlans()', () => nl.delBridgeVlans({ index: 1, vlans: [] }), 'BAD_REQUEST'],
    ['newNeighbour()', () => nl.newNeighbour({ index: 1, mac: '02:00:00:00:00:01' }), 'BAD_REQUEST'],
    ['newRoute()', () => nl.newRoute({ dst: '10.0.0.0/8', protocol: 'brid' as 'bird' }), 'BAD_VALUE'],
    ['newLink()', () => nl.newLink({ kind: 'macvlan', mode: 'l2' as 'bridge' }), 'BAD_VALUE'],
  ])('%s refuses an input that it cannot encode (%#)', (_, build, code) => {
    expect(build).toThrow(expect.objectContaining({ name: 'NetlinkEncodeError', code }));
  });

  test.each([
    ['index', () => nl.newAddress({ index: -1, address: '10.0.0.1/24' })],
    ['scope', () => nl.newAddress({ index: 1, address: '10.0.0.1/24', scope: 256 })],
    ['protocol', () => nl.newRoute({ dst: '10.0.0.0/8', protocol: 256 })],
    ['priority', () => nl.newRoute({ dst: '10.0.0.0/8', priority: -1 })],
    ['oif', () => nl.newRoute({ dst: '10.0.0.0/8', oif: 2 ** 32 })],
    ['advmss', () => nl.newRoute({ dst: '10.0.0.0/8', metrics: { advmss: -1 } })],
    ['priority', () => nl.newRoutingRule({ table: 5, priority: 2 ** 32 })],
    ['state', () => nl.newNeighbour({ index: 1, address: '10.0.0.1', state: 2 ** 16 })],
    ['mtu', () => nl.newLink({ kind: 'dummy', mtu: -1 })],
    ['peer.mtu', () => nl.newLink({ kind: 'veth', peer: { mtu: -1 } })],
    ['port', () => nl.newLink({ kind: 'vxlan', id: 5, port: 65536 })],
  ])('A builder names the field %s that is out of range (%#)', (field, build) => {
    expect(build).toThrow(new RegExp(`\\b${field}\\b`));
  });

  test('open functions refuse a path instead of options', () => {
    const path = '/run/netns/blue' as never;
    for (const open of [nl.openRtnetlink, openConntrack, nft.openNftables, openGeneric, openIpSet]) {
      expect(() => open(path)).toThrow(/expected \{ netns: "\/run\/netns\/blue" \}/);
    }
    expect(() => nl.openRtnetlink(5 as never)).toThrow(/expected \{ netns: 5 \}/);
  });

  test('batch() and batchSettled() refuse one request in place of an array', () => {
    const rt = nl.openRtnetlink();
    const one = nl.newLink({ kind: 'dummy' }) as never;
    expect(() => rt.batch(one)).toThrow(/array of requests/);
    expect(() => rt.batchSettled(one)).toThrow(/array of requests/);
    rt.close();
  });

  test('encodeEncap() writes the bytes of an MPLS label stack', () => {
    const mpls = { type: 'mpls', labels: [100, 200], ttl: 64 } as const;
    const fields = nl.encodeEncap({ ...mpls, labels: [...mpls.labels] });
    const ttl = [5, 0, 2, 0, 64, 0, 0, 0];
    expect([...fields.encap]).toEqual([12, 0, 1, 0, 0, 6, 0x40, 0, 0, 0x0c, 0x81, 0, ...ttl]);
    expect(nl.decodeEncap(fields)).toEqual(mpls);
    expect(fields.encapType).toBe(1);
    expect(nl.decodeEncap({})).toBeUndefined();
  });

  test.each<[object, RegExp]>([
    [{ type: 'mpls', labels: [] }, /labels is empty/],
    [{ type: 'mpls', labels: [2 ** 20] }, /1048576 is not an MPLS label/],
    [{ type: 'seg6', mode: 'encap', segments: [] }, /segments has 0 addresses/],
    [{ type: 'seg6', mode: 'encap', segments: ['10.0.0.1'] }, /10\.0\.0\.1 is not an IPv6 address/],
    [{ type: 'seg6', mode: 'nope', segments: ['fd00::1'] }, /Unknown mode nope/],
    [{ type: 'ip', ttl: 256 }, /ttl \(LWTUNNEL_IP_TTL\): 256/],
    [{ type: 'ila' }, /Unknown encap type ila/],
  ])('encodeEncap() refuses %j', (encap, message) => {
    expect(() => nl.encodeEncap(encap as nl.RouteEncap)).toThrow(message);
  });

  test('decodeNextHopObject() reads weights over 256 when the kernel marks them as valid', () => {
    const group = [
      { id: 7, weight: 300 },
      { id: 8, weight: 65536 },
    ];
    const { payload } = nl.newNextHopObject({ id: 9, group });
    const opFlags = [8, 0, 14, 0, 0, 0, 0, 0x80];
    expect(nl.decodeNextHopObject(payloadOf(Uint8Array.of(...payload, ...opFlags)))).toMatchObject({ group });
    const lower = nl.decodeNextHopObject(payloadOf(payload)).group;
    expect(lower?.map(({ weight }) => weight)).toEqual([44, 256]);
  });

  test('A builder leaves nothing of a refused request in the next one', () => {
    expect(() => nl.newRoute({ dst: '10.0.0.0/8', via: 'x' })).toThrow();
    const request = nl.newRoute({ dst: '10.0.0.0/8', via: '10.0.0.1', oif: 2 });
    expect(request.payload.length).toBe(12 + 8 + 8 + 8);
  });

  test('newRoute() passes a destination with host bits to the kernel', () => {
    const { payload } = nl.newRoute({ dst: '10.0.0.1/8', oif: 1 });
    expect(nl.decodeRoute(payloadOf(payload)).dst).toBe('10.0.0.1/8');
  });
});
