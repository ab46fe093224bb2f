/** Every object that builds a request refuses keys that it does not have. */
import { expect, expectTypeOf, test } from 'vitest';
import type { SpecKeys, SpecName } from '../src/check-spec.ts';
import { type FlowFilter, getFlows, updateFlow } from '../src/conntrack.ts';
import * as nl from '../src/index.ts';
import { type IpSetSpec, openIpSet } from '../src/ipset.ts';
import { type ListenOptions, monitor } from '../src/monitor.ts';
import { monitorLog } from '../src/nflog.ts';
import * as nft from '../src/nftables.ts';
import type { OpenOptions } from '../src/open.ts';
import type { LinkSettings, LinkState } from '../src/route/link-attributes.ts';
import type { VethPeer } from '../src/route/link-kinds/veth.ts';
import * as shortLived from '../src/short-lived.ts';
import { fakePeer } from '../src/testing.ts';
import * as wg from '../src/wireguard.ts';

// biome-ignore lint/suspicious/noExplicitAny: these are mistakes that types refuse
const wrong = (value: unknown): any => value;
const { sys } = fakePeer(() => {});
const rt = () => nl.openRtnetlink({ sys });
const nftables = () => nft.openNftables({ sys });
const inTable = { family: 'ip', table: 't' } as const;
const named = { ...inTable, name: 'x' };
const flow = { family: 'ipv4', original: { source: '10.0.0.1', destination: '10.0.0.2' } } as const;

test.each<[string, () => unknown]>([
  ['newAddress()', () => nl.newAddress(wrong({ index: 1, address: '10.0.0.1', typo: 1 }))],
  ['delAddress()', () => nl.delAddress(wrong({ index: 1, address: '10.0.0.1', typo: 1 }))],
  ['newRoute()', () => nl.newRoute(wrong({ dst: '10.0.0.0/8', typo: 1 }))],
  ['newRoute()', () => nl.newRoute(wrong({ dst: '10.0.0.0/8', metrics: { typo: 1 } }))],
  ['newRoute()', () => nl.newRoute(wrong({ dst: '10.0.0.0/8', nextHops: [{ oif: 1, typo: 1 }] }))],
  ['delRoute()', () => nl.delRoute(wrong({ dst: '10.0.0.0/8', typo: 1 }))],
  ['getRoute()', () => nl.getRoute(wrong({ dst: '10.0.0.1', typo: 1 }))],
  ['newRoutingRule()', () => nl.newRoutingRule(wrong({ from: '10.0.0.0/8', typo: 1 }))],
  ['newRoutingRule()', () => nl.newRoutingRule(wrong({ sourcePorts: { first: 1, last: 2, typo: 1 } }))],
  ['delRoutingRule()', () => nl.delRoutingRule(wrong({ typo: 1 }))],
  ['newNeighbour()', () => nl.newNeighbour(wrong({ index: 1, address: '10.0.0.1', typo: 1 }))],
  ['newNextHopObject()', () => nl.newNextHopObject(wrong({ blackhole: true, typo: 1 }))],
  ['newLink()', () => nl.newLink(wrong({ kind: 'bridge', typo: 1 }))],
  ['newLink()', () => nl.newLink(wrong({ kind: 'veth', peer: { typo: 1 } }))],
  ['setLink()', () => nl.setLink(wrong({ index: 1, typo: 1 }))],
  ['setLink()', () => nl.setLink(wrong({ index: 1, ipv4Conf: { forwarding: 1, typo: 1 } }))],
  ['addBridgeVlans()', () => nl.addBridgeVlans(wrong({ index: 1, vlans: [{ vid: 5 }], typo: 1 }))],
  ['delBridgeVlans()', () => nl.delBridgeVlans(wrong({ index: 1, vlans: [{ vid: 5, typo: 1 }] }))],
  ['newMdbEntry()', () => nl.newMdbEntry(wrong({ bridge: 1, index: 2, group: '239.0.0.1', typo: 1 }))],
  ['newQdisc()', () => nl.newQdisc(wrong({ index: 1, kind: 'ingress', typo: 1 }))],
  ['newQdisc()', () => nl.newQdisc(wrong({ index: 1, kind: 'tbf', rate: 1, burst: 1, limit: 1, typo: 1 }))],
  ['delQdisc()', () => nl.delQdisc(wrong({ index: 1, typo: 1 }))],
  ['newFilter()', () => nl.newFilter(wrong({ index: 1, redirect: 2, typo: 1 }))],
  ['delFilter()', () => nl.delFilter(wrong({ index: 1, typo: 1 }))],
  ['links()', () => rt().links(wrong({ typo: 1 }))],
  ['links()', () => rt().links(wrong({ name: 'eth0', typo: 1 }))],
  ['addresses()', () => rt().addresses(wrong({ typo: 1 }))],
  ['routes()', () => rt().routes(wrong({ typo: 1 }))],
  ['rules()', () => rt().rules(wrong({ typo: 1 }))],
  ['neighbours()', () => rt().neighbours(wrong({ typo: 1 }))],
  ['qdiscs()', () => rt().qdiscs(wrong({ typo: 1 }))],
  ['filters()', () => rt().filters(wrong({ index: 1, typo: 1 }))],
  ['bridgeVlans()', () => rt().bridgeVlans(wrong({ typo: 1 }))],
  ['mdb()', () => rt().mdb(wrong({ typo: 1 }))],
  ['openRtnetlink()', () => nl.openRtnetlink(wrong({ sys, typo: 1 }))],
  ['newTable()', () => nft.newTable(wrong({ family: 'ip', name: 't', typo: 1 }))],
  ['newChain()', () => nft.newChain(wrong({ ...named, typo: 1 }))],
  [
    'newChain()',
    () => nft.newChain(wrong({ ...named, hook: { type: 'nat', hook: 'input', priority: 0, typo: 1 } })),
  ],
  ['newRule()', () => nft.newRule(wrong({ ...inTable, chain: 'c', expressions: [], typo: 1 }))],
  ['delRule()', () => nft.delRule(wrong({ ...inTable, typo: 1 }))],
  ['newSet()', () => nft.newSet(wrong({ ...named, key: 'mark', typo: 1 }))],
  ['newElements()', () => nft.newElements(wrong({ ...named, typo: 1 }), [])],
  ['newElements()', () => nft.newElements(named, wrong([{ key: new Uint8Array(4), typo: 1 }]))],
  ['newFlowtable()', () => nft.newFlowtable(wrong({ ...named, priority: 0, devices: [], typo: 1 }))],
  ['newCounter()', () => nft.newCounter(wrong({ ...named, typo: 1 }))],
  ['newQuota()', () => nft.newQuota(wrong({ ...named, bytes: 1, typo: 1 }))],
  ['newLimit()', () => nft.newLimit(wrong({ ...named, rate: 1, typo: 1 }))],
  ['tables()', () => nftables().tables(wrong({ typo: 1 }))],
  ['rules()', () => nftables().rules(wrong({ typo: 1 }))],
  ['namedObjects()', () => nft.namedObjects(nftables(), wrong({ typo: 1 }))],
  ['flowtables()', () => nft.flowtables(nftables(), wrong({ typo: 1 }))],
  ['getFlows()', () => getFlows('ipv4', wrong({ protocol: 6, typo: 1 }))],
  ['updateFlow()', () => updateFlow(flow, wrong({ mark: 1, typo: 1 }))],
  ['create()', () => openIpSet({ sys }).create(wrong({ name: 's', family: 'ipv4', typo: 1 }))],
  ['change()', () => openIpSet({ sys }).change({ name: 's' }, wrong({ add: [], typo: 1 }))],
  ['setDevice()', () => wg.setDevice(wrong({ name: 'wg0', typo: 1 }), 30)],
  ['setDevice()', () => wg.setDevice(wrong({ name: 'wg0', peers: [{ typo: 1 }] }), 30)],
  [
    'setDevice()',
    () =>
      wg.setDevice(
        wrong({
          name: 'wg0',
          peers: [{ publicKey: wg.NO_KEY, endpoint: { address: '::1', port: 1, typo: 1 } }],
        }),
        30,
      ),
  ],
  ['new Connection()', () => new nl.Connection(wrong({ sys, protocol: 0, typo: 1 }))],
  ['createNetns()', () => nl.createNetns('x', wrong({ sys, typo: 1 }))],
  ['deleteNetns()', () => nl.deleteNetns('x', wrong({ sys, typo: 1 }))],
  ['listNetns()', () => nl.listNetns(wrong({ sys, typo: 1 }))],
  ['monitor()', () => monitor(wrong({ groups: ['link'], sys, typo: 1 }))],
  ['monitorLog()', () => monitorLog(wrong({ group: 1, sys, typo: 1 }))],
])('%s refuses an unknown key (%#)', (_, build) => {
  expect(build).toThrow(nl.NetlinkEncodeError);
  expect(build).toThrow(/^Unknown key "typo" in .+: expected \w+/);
});

test('addresses() names the keys that it expects', () => {
  expect(() => rt().addresses(wrong({ link: 3 }))).toThrow(
    'Unknown key "link" in filter of addresses: expected family, index, netnsId',
  );
});

test('addresses() refuses text in place of a filter', () => {
  expect(() => rt().addresses(wrong('eth0'))).toThrow(
    'Invalid filter of addresses "eth0": expected an object',
  );
});

test('newLink() and setLink() of short-lived refuse settings that only those of the package have, in any order', () => {
  const stp = { kind: 'bridge', name: 'br0', stpState: 1 } as const;
  const port = { index: 3, learning: false };
  for (const _ of [1, 2]) {
    expect(() => shortLived.newLink(stp)).toThrow('Unknown key "stpState"');
    expect(() => shortLived.setLink(port)).toThrow('Unknown key "learning"');
    expect(nl.newLink(stp).describe).toContain('br0');
    expect(nl.setLink(port).describe).toContain('#3');
  }
});

test('newLink() refuses a setting of another kind', () => {
  expect(() => nl.newLink(wrong({ kind: 'bridge', id: 5 }))).toThrow(
    /Unknown key "id" in link: .*ageingTime/,
  );
});

test('delRule() takes a decoded rule', () => {
  const rule = { ...inTable, chain: 'c', handle: 7n, position: 6n };
  const decoded: nft.NftRule = { ...rule, expressions: [], comment: 'x', unknown: [] };
  expect(nft.delRule(wrong(decoded))).toEqual(nft.delRule(rule));
});

test('newAddress() takes an unknown key without a value', () => {
  const spec = { index: 1, address: '10.0.0.1' };
  expect(nl.newAddress(wrong({ ...spec, typo: undefined }))).toEqual(nl.newAddress(spec));
});

test('SpecKeys are all keys of the objects, spec or decoded', () => {
  type Keys<T> = T extends unknown ? keyof T : never;
  type Missing<N extends SpecName, T> = Exclude<Keys<T>, SpecKeys<N>>;
  expectTypeOf<Missing<'address', nl.AddressSpec | nl.Address>>().toBeNever();
  expectTypeOf<Missing<'route', nl.RouteSpec | nl.Route>>().toBeNever();
  expectTypeOf<Missing<'next hop', nl.NextHop>>().toBeNever();
  expectTypeOf<Missing<'nexthop object', nl.NextHopObjectSpec | nl.NextHopObject>>().toBeNever();
  expectTypeOf<Missing<'route query', Parameters<typeof nl.getRoute>[0]>>().toBeNever();
  expectTypeOf<Missing<'peer', VethPeer>>().toBeNever();
  expectTypeOf<Missing<'VLANs of a port', nl.BridgeVlanSpec | nl.BridgePortVlans>>().toBeNever();
  expectTypeOf<Missing<'VLAN', nl.BridgeVlan>>().toBeNever();
  expectTypeOf<Missing<'qdisc' | 'tbf qdisc', nl.QdiscSpec>>().toBeNever();
  expectTypeOf<Missing<'qdisc to delete', nl.Qdisc>>().toBeNever();
  expectTypeOf<Missing<'filter', nl.FilterSpec>>().toBeNever();
  expectTypeOf<Missing<'filter to delete', nl.Filter>>().toBeNever();
  expectTypeOf<Missing<'filter of addresses', nl.AddressFilter>>().toBeNever();
  expectTypeOf<Missing<'filter of routes', nl.RouteFilter>>().toBeNever();
  expectTypeOf<Missing<'filter of neighbours', nl.NeighbourFilter>>().toBeNever();
  expectTypeOf<Missing<'filter of links', nl.LinkFilter & nl.LinkRef>>().toBeNever();
  expectTypeOf<Missing<'table', Parameters<typeof nft.newTable>[0]>>().toBeNever();
  expectTypeOf<Missing<'chain', nft.ChainSpec>>().toBeNever();
  expectTypeOf<Missing<'hook', nft.ChainHook>>().toBeNever();
  expectTypeOf<Missing<'nftables rule', nft.RuleSpec>>().toBeNever();
  expectTypeOf<Missing<'rule to delete', Parameters<typeof nft.delRule>[0] | nft.NftRule>>().toBeNever();
  expectTypeOf<Missing<'set', nft.SetSpec>>().toBeNever();
  expectTypeOf<Missing<'set of elements', nft.NftSet>>().toBeNever();
  expectTypeOf<Missing<'flowtable', nft.FlowtableSpec>>().toBeNever();
  expectTypeOf<Missing<'counter', nft.CounterSpec>>().toBeNever();
  expectTypeOf<Missing<'quota', nft.QuotaSpec>>().toBeNever();
  expectTypeOf<Missing<'limit', nft.LimitSpec>>().toBeNever();
  expectTypeOf<Missing<'filter of nftables', nft.NftFilter>>().toBeNever();
  expectTypeOf<Missing<'filter of connections', FlowFilter>>().toBeNever();
  expectTypeOf<Missing<'ipset set', IpSetSpec>>().toBeNever();
  expectTypeOf<Missing<'WireGuard endpoint', wg.WireGuardEndpoint>>().toBeNever();
  type InTables = keyof LinkSettings | keyof LinkState;
  expectTypeOf<Exclude<Missing<'link', nl.LinkBase & nl.OtherLink>, InTables | nl.LinkKind>>().toBeNever();
  expectTypeOf<Missing<'connection options', nl.ConnectionOptions>>().toBeNever();
  expectTypeOf<Missing<'namespace options', nl.NamedNetnsOptions>>().toBeNever();
  expectTypeOf<Missing<'options', OpenOptions>>().toBeNever();
  expectTypeOf<Missing<'monitor options', ListenOptions>>().toBeNever();
});
