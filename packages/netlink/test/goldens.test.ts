/** Requests built here must be those that `ip` sends, byte for byte, and their decoding what the command says. */
import { describe, expect, test } from 'vitest';
import { NLM_F_ACK, NLM_F_REQUEST } from '../src/codec/ack.ts';
import { type Payload, payloadOf } from '../src/codec/bytes.ts';
import type { Request } from '../src/codec/request.ts';
import * as k from '../src/constants.ts';
import { decodeFamily, GENL_ID_CTRL } from '../src/generic/family.ts';
import * as nl from '../src/index.ts';
import {
  accept,
  counter,
  etherSource,
  hasMarkBits,
  masquerade,
  outputInterface,
  returnBack,
  setMarkBits,
  source,
  verdictMap,
} from '../src/netfilter/expr.ts';
import type { Expression } from '../src/netfilter/expression.ts';
import { decodeFlow, IPCTNL_MSG_CT_NEW } from '../src/netfilter/flow.ts';
import { decodeIpSetElements, IPSET_CMD_LIST } from '../src/netfilter/ip-set.ts';
import {
  decodeChain,
  NFT_GOTO,
  NFT_JUMP,
  NFT_MSG_NEWCHAIN,
  NFT_MSG_NEWRULE,
  NFT_MSG_NEWSET,
  NFT_MSG_NEWSETELEM,
} from '../src/netfilter/objects.ts';
import { decodeRule as decodeNftRule, newRule as newNftRule } from '../src/netfilter/rule.ts';
import { decodeSet } from '../src/netfilter/set.ts';
import { decodeElements, newElements } from '../src/netfilter/set-elements.ts';
import { decodeLinkSummary } from '../src/short-lived.ts';
import { decodeAll, firstMessage, golden, toHex } from './golden.ts';

/** Name of the golden, the request that must have its bytes, what it decodes to. Indexes are those of the recording. */
type Case<T> = [name: string, build: (decoded: T) => Request, fields: object];

function table<T>(title: string, decode: (payload: Payload) => T, cases: Case<T>[]): void {
  describe(title, () => {
    test.each(cases)(`${title} encodes the bytes of %s`, (name, build, fields) => {
      const message = firstMessage(golden(name).request);
      const decoded = decode(message);
      expect(decoded).toMatchObject(fields as object);
      const request = build(decoded);
      expect(request.type).toBe(message.type);
      expect(request.flags | NLM_F_REQUEST | NLM_F_ACK).toBe(message.flags);
      expect(toHex(request.payload)).toBe(toHex(message.bytes.slice(message.start, message.end)));
    });
  });
}

const mac = '02:00:00:00:00:02';

const ends4 = { local: '192.0.2.1', remote: '192.0.2.2' };
const ends6 = { local: 'fd00::1', remote: 'fd00::2' };
/** Settings in the commands of the recordings. */
const tunnels = {
  bond: {
    mode: 'active-backup',
    miimon: 100,
    upDelay: 200,
    primaryReselect: 'better',
    arpValidate: 'active',
    arpTargets: ['192.0.2.1', '192.0.2.2'],
  },
  gre: { ...ends4, ttl: 9, inputKey: 7, outputKey: 7, inputFlags: 0xa000, outputFlags: 0xa000 },
  gretap: { ...ends4, pathMtuDiscovery: false },
  ip6gre: { ...ends6, ttl: 9, encapLimit: 3 },
  ipip: { ...ends4, ttl: 9, encapType: 'fou', encapDestinationPort: 5555 },
  sit: { ...ends4, protocol: 41 },
  ip6tnl: { ...ends6, protocol: 4 },
  geneve: { id: 7, remote: 'fd00::2', port: 6082, ttl: 5 },
};

table('newLink()', nl.decodeLink, [
  [
    'link-add-bridge',
    () =>
      nl.newLink({
        kind: 'bridge',
        name: 'br9',
        mtu: 1400,
        up: true,
        groupFwdMask: 8,
        nfCallIptables: false,
      }),
    { name: 'br9', kind: 'bridge', mtu: 1400, up: true, bridge: { groupFwdMask: 8, nfCallIptables: false } },
  ],
  [
    'link-add-bridge-vlan',
    () => nl.newLink({ kind: 'bridge', name: 'br9', stpState: 1, vlanFiltering: true, vlanDefaultPvid: 0 }),
    { kind: 'bridge', bridge: { stpState: 1, vlanFiltering: true, vlanDefaultPvid: 0 } },
  ],
  [
    'link-add-bridge-mcast',
    () =>
      nl.newLink({
        kind: 'bridge',
        name: 'br9',
        mcastSnooping: false,
        mcastQuerier: true,
        mcastHashMax: 512,
        mcastQueryInterval: 2000,
        mcastIgmpVersion: 3,
      }),
    {
      bridge: {
        mcastSnooping: false,
        mcastQuerier: true,
        mcastHashMax: 512,
        mcastQueryInterval: 2000,
        mcastIgmpVersion: 3,
      },
    },
  ],
  [
    'link-add-veth',
    ({ veth }) => {
      const peer = { name: 'eth0', mtu: 1400, mac, netns: veth!.peer!.netns! };
      return nl.newLink({ kind: 'veth', name: 'v0', mtu: 1400, up: true, peer });
    },
    { name: 'v0', kind: 'veth', veth: { peer: expect.objectContaining({ name: 'eth0', mac, mtu: 1400 }) } },
  ],
  [
    'link-add-vxlan',
    () =>
      nl.newLink({ kind: 'vxlan', name: 'vx0', id: 42, macLearning: false, port: 4789, local: '10.0.0.1' }),
    { kind: 'vxlan', vxlan: { id: 42, macLearning: false, port: 4789, local: '10.0.0.1' } },
  ],
  [
    'link-add-vxlan6',
    () =>
      nl.newLink({ kind: 'vxlan', name: 'vx0', id: 42, macLearning: true, port: 4789, remote: 'fd00::2' }),
    { vxlan: expect.objectContaining({ id: 42, port: 4789, remote: 'fd00::2' }) },
  ],
  ['link-add-dummy', () => nl.newLink({ kind: 'dummy', name: 'd0' }), { kind: 'dummy', name: 'd0' }],
  ...(['bond', 'gre', 'gretap', 'ip6gre', 'ipip', 'sit', 'ip6tnl', 'geneve'] as const).map(
    (kind): Case<nl.Link> => [
      `link-add-${kind}`,
      (link) => nl.newLink({ kind, name: link.name, [kind]: link[kind] } as nl.LinkSpec),
      { kind, [kind]: tunnels[kind] },
    ],
  ),
  ['link-add-ifb', () => nl.newLink({ kind: 'ifb', name: 'ifb9' }), { kind: 'ifb' }],
  [
    'link-add-vrf',
    () => nl.newLink({ kind: 'vrf', name: 'red', table: 10 }),
    { kind: 'vrf', vrf: { table: 10 } },
  ],
  [
    'link-add-vlan',
    ({ link }) => nl.newLink({ kind: 'vlan', name: 'a0.5', link: link!, id: 5 }),
    { kind: 'vlan', vlan: { id: 5 } },
  ],
  [
    'link-add-macvlan',
    ({ link }) => nl.newLink({ kind: 'macvlan', name: 'mv0', link: link!, mode: 'bridge' }),
    { kind: 'macvlan', macvlan: { mode: 'bridge' } },
  ],
  [
    'link-add-ipvlan',
    ({ link }) => nl.newLink({ kind: 'ipvlan', name: 'iv0', link: link!, mode: 'l3', ipvlanFlags: 0 }),
    { kind: 'ipvlan', ipvlan: { mode: 'l3' } },
  ],
]);

table('setLink()', nl.decodeLink, [
  [
    'link-set',
    ({ index, master }) =>
      nl.setLink({ index, mtu: 1300, mac: '02:00:00:00:00:01', master: master!, up: true }),
    { mtu: 1300, mac: '02:00:00:00:00:01', up: true },
  ],
]);

table('delLink()', nl.decodeLink, [['link-del', ({ index }) => nl.delLink({ index }), {}]]);

table('addBridgeVlans() and delBridgeVlans()', nl.decodeLink, [
  [
    'vlan-add',
    ({ index }) => nl.addBridgeVlans({ index, vlans: [{ vid: 5, pvid: true, untagged: true }] }),
    {},
  ],
  [
    'vlan-add-range',
    ({ index }) => nl.addBridgeVlans({ index, vlans: [{ vid: 10, last: 20 }], self: true }),
    {},
  ],
  ['vlan-del', ({ index }) => nl.delBridgeVlans({ index, vlans: [{ vid: 5 }] }), {}],
]);

table('newAddress()', nl.decodeAddress, [
  [
    'address-add',
    ({ index }) => nl.newAddress({ index, address: '10.1.0.1/24', broadcast: '10.1.0.255' }),
    { family: 'ipv4', address: '10.1.0.1/24', broadcast: '10.1.0.255', scope: 'global' },
  ],
  [
    'address-add6',
    ({ index }) => nl.newAddress({ index, address: 'fd01::1/64', nodad: true }),
    { family: 'ipv6', address: 'fd01::1/64', flags: k.IFA_F_NODAD },
  ],
  [
    'address-del',
    ({ index }) => nl.delAddress({ index, address: '10.1.0.1/24' }),
    { address: '10.1.0.1/24' },
  ],
]);

const dst = '10.2.0.0/16';
const via = '10.0.0.9';

table('newRoute()', nl.decodeRoute, [
  [
    'route-add',
    ({ oif }) => nl.newRoute({ dst, via, src: '10.0.0.1', priority: 7, protocol: 201, oif: oif! }),
    { dst, via, src: '10.0.0.1', priority: 7, protocol: 201, table: 'main', scope: 'global' },
  ],
  [
    'route-add-direct',
    ({ oif }) => nl.newRoute({ dst: '10.3.0.0/16', oif: oif!, protocol: 201 }),
    { dst: '10.3.0.0/16', scope: 'link' },
  ],
  [
    'route-add-onlink',
    ({ oif }) => nl.newRoute({ dst, via: '192.0.2.1', oif: oif!, onlink: true, mtu: 1400 }),
    { dst, onlink: true, metrics: { mtu: 1400 } },
  ],
  [
    'route-add-default6',
    () => nl.newRoute({ dst: 'default', via: 'fd00::9' }),
    { family: 'ipv6', dst: '::/0', via: 'fd00::9' },
  ],
  [
    'route-add-default',
    () => nl.newRoute({ dst: 'default', via }),
    { family: 'ipv4', dst: '0.0.0.0/0', via },
  ],
  ['route-add-table', () => nl.newRoute({ dst, via, table: 1000, mode: 'replace' }), { table: 1000 }],
  [
    'route-add-blackhole',
    () => nl.newRoute({ dst: '10.66.0.0/16', type: 'blackhole', mode: 'append' }),
    { dst: '10.66.0.0/16', type: 'blackhole' },
  ],
  [
    'route-add-multipath',
    ({ nextHops }) => {
      const [{ oif }] = nextHops as [{ oif: number }];
      const hops = [
        { via: '10.0.0.8', oif, weight: 2 },
        { via, oif, onlink: true },
      ];
      return nl.newRoute({ dst: '10.7.0.0/16', nextHops: hops });
    },
    {
      nextHops: [
        expect.objectContaining({ via: '10.0.0.8', weight: 2 }),
        expect.objectContaining({ via, weight: 1, onlink: true }),
      ],
    },
  ],
  [
    'route-add-via6',
    ({ oif }) => nl.newRoute({ dst: '10.8.0.0/16', via: 'fd00::9', oif: oif! }),
    { family: 'ipv4', via: 'fd00::9' },
  ],
]);

table('delRoute()', nl.decodeRoute, [
  ['route-del', () => nl.delRoute({ dst, via }), { dst, via, scope: 'nowhere' }],
  ['route-del6', () => nl.delRoute({ dst: 'fd09::/64' }), { dst: 'fd09::/64' }],
]);

table('newNeighbour()', nl.decodeNeighbour, [
  [
    'neighbour-replace',
    ({ index }) => nl.newNeighbour({ index, address: via, mac: '02:00:00:00:00:09' }),
    { address: via, mac: '02:00:00:00:00:09', state: k.NUD_PERMANENT },
  ],
  [
    'fdb-append',
    ({ index }) =>
      nl.newNeighbour({ index, family: 'bridge', address: via, mac: '00:00:00:00:00:00', mode: 'append' }),
    { family: 'bridge', address: via, mac: '00:00:00:00:00:00', flags: k.NTF_SELF },
  ],
]);

table('newRoutingRule()', nl.decodeRoutingRule, [
  [
    'rule-add',
    () => nl.newRoutingRule({ priority: 100, from: '10.0.0.0/8', table: 1000 }),
    { family: 'ipv4', priority: 100, from: '10.0.0.0/8', table: 1000, action: 'lookup' },
  ],
  [
    'rule-add-mark',
    () => nl.newRoutingRule({ priority: 101, to: 'fd00::/8', fwmark: 0x10, fwmask: 0xff, table: 100 }),
    { family: 'ipv6', priority: 101, to: 'fd00::/8', fwmark: 0x10, fwmask: 0xff, table: 100 },
  ],
]);

table('newQdisc()', nl.decodeQdisc, [
  [
    'qdisc-add-ingress',
    ({ index }) => nl.newQdisc({ index, kind: 'ingress' }),
    { kind: 'ingress', parent: k.TC_H_INGRESS, handle: k.TC_H_INGRESS_QDISC },
  ],
]);

table('newFilter()', nl.decodeFilter, [
  [
    'filter-add',
    ({ index, redirect }) => nl.newFilter({ index, redirect: redirect! }),
    { kind: 'u32', protocol: k.ETH_P_ALL, parent: k.TC_H_INGRESS_QDISC },
  ],
]);

describe('kernel replies', () => {
  test('decodeQdisc() decodes the request of `tc`, which also has a rate table', () => {
    const qdisc = nl.decodeQdisc(firstMessage(golden('qdisc-add-tbf').request));
    expect(qdisc).toMatchObject({ kind: 'tbf', parent: k.TC_H_ROOT });
    expect(qdisc.tbf).toMatchObject({ rate: 1_000_000, burst: 32_768, limit: 57_768 });
    const ours = nl.newQdisc({
      index: qdisc.index,
      kind: 'tbf',
      rate: 1_000_000,
      burst: 32_768,
      latency: 25,
    });
    expect(nl.decodeQdisc(payloadOf(ours.payload)).tbf).toEqual(qdisc.tbf);
  });

  test('decodeLink() decodes the port settings of an `ip` request', () => {
    const link = nl.decodeLink(firstMessage(golden('link-set-hairpin').request));
    expect(link.bridgePort).toEqual({ hairpin: true, isolated: true });
  });

  test('decodeMdb() decodes a dump of multicast groups', () => {
    const { answers = [] } = golden('mdb-show');
    expect(decodeAll(answers, 86, nl.decodeMdb).flat()).toContainEqual(
      expect.objectContaining({ group: '239.1.1.1', state: 'permanent', timer: 0, protocol: 'static' }),
    );
  });

  test('decodeLink() decodes a dump of links', () => {
    const links = decodeAll(golden('link-show').answers!, k.RTM_NEWLINK, nl.decodeLink);
    expect(links.map(({ name, kind }) => [name, kind])).toEqual([
      ['lo', undefined],
      ['br0', 'bridge'],
      ['a1', 'veth'],
      ['a0', 'veth'],
    ]);
    const [lo, br0, , a0] = links;
    expect(lo).toMatchObject({ index: 1, type: 772, mtu: 65536, up: true, mac: '00:00:00:00:00:00' });
    expect(br0!.bridge).toMatchObject({ stpState: 0, ageingTime: 30000, groupAddress: '01:80:c2:00:00:00' });
    expect(br0!.bridge!.mcastQuerierInterval).toBe(25500);
    expect(a0).toMatchObject({ master: br0!.index, link: links[2]!.index, portKind: 'bridge' });
    expect(a0!.bridgePort).toMatchObject({ portNumber: 1, learning: true, hairpin: false, portCost: 2 });
  });

  test('decodeLinkSummary() returns the same fields as decodeLink()', () => {
    const { answers } = golden('link-show');
    const all = decodeAll(answers!, k.RTM_NEWLINK, nl.decodeLink);
    const summaries = decodeAll(answers!, k.RTM_NEWLINK, decodeLinkSummary);
    expect(summaries).toEqual(
      all.map(({ index, name, flags, up, mac, link, group, kind }) => ({
        index,
        name,
        flags,
        up,
        mac,
        link,
        group,
        kind,
      })),
    );
    expect(summaries[3]).toMatchObject({ name: 'a0', kind: 'veth', up: true, link: all[2]!.index });
  });

  test('decodeLink() decodes a tun link, which only /dev/net/tun creates', () => {
    const [tun9] = decodeAll(golden('link-show-tun').answers!, k.RTM_NEWLINK, nl.decodeLink);
    expect(tun9).toMatchObject({
      name: 'tun9',
      kind: 'tun',
      tun: { owner: 7, tunType: 'tun', persist: true },
    });
  });

  test('decodeAddress() decodes a dump of addresses', () => {
    const addresses = decodeAll(golden('address-show').answers!, k.RTM_NEWADDR, nl.decodeAddress);
    expect(addresses.map(({ address }) => address)).toEqual(
      expect.arrayContaining(['127.0.0.1/8', '10.0.0.1/24', 'fd00::1/64', '::1/128']),
    );
  });

  test('decodeRoute() decodes a dump of routes', () => {
    const routes = decodeAll(golden('route-show').answers!, k.RTM_NEWROUTE, nl.decodeRoute);
    const main = routes.filter(({ table }) => table === 'main');
    expect(main.map((route) => route.dst)).toEqual(['0.0.0.0/0', '10.0.0.0/24', '10.7.0.0/16']);
    expect(main[0]).toMatchObject({ via, metrics: { mtu: 1400 } });
    expect(main[2]!.nextHops).toMatchObject([
      { via: '10.0.0.8', weight: 2 },
      { via, weight: 1 },
    ]);
  });

  test('decodeRule() of nftables decodes the rules of `nft`, which encode to the same bytes again', () => {
    const messages = decodeAll(golden('nft-list').answers!, NFT_MSG_NEWRULE, decodeNftRule);
    const names = messages.map((rule) => rule.expressions.map((e) => (e.name === 'other' ? e.kind : e.name)));
    expect(names).toEqual([
      ['meta', 'cmp', 'payload', 'cmp', 'meta', 'cmp', 'counter', 'masq'],
      ['ct', 'bitwise', 'cmp', 'immediate'],
      ['meta', 'cmp', 'payload', 'lookup', 'limit', 'immediate'],
    ]);
    expect(messages[0]).toMatchObject({ family: 'inet', table: 't', chain: 'out', comment: 'pods' });
    // Our words for the first are the same instructions.
    const ours = [
      ...source('10.244.0.0/16'),
      ...outputInterface('cni0', { not: true }),
      ...counter(),
      ...masquerade(),
    ];
    expect(messages[0]!.expressions).toEqual(ours);
    for (const rule of messages) {
      const again = newNftRule({ ...rule, family: 'inet', table: 't', chain: rule.chain! });
      expect(decodeNftRule(payloadOf(again.payload)).expressions).toEqual(rule.expressions);
    }
  });

  test('decodeChain(), decodeSet() and decodeElements() decode the objects of `nft`', () => {
    const { answers } = golden('nft-list');
    expect(decodeAll(answers!, NFT_MSG_NEWCHAIN, decodeChain)).toMatchObject([
      { name: 'out', table: 't', hook: { type: 'nat', hook: 4, priority: 100 }, policy: 1 },
      { name: 'c', table: 't' },
    ]);
    const sets = decodeAll(answers!, NFT_MSG_NEWSET, decodeSet);
    expect(sets).toContainEqual(expect.objectContaining({ name: 'ports', keyLength: 8, dataLength: 8 }));
    const elements = decodeAll(answers!, NFT_MSG_NEWSETELEM, decodeElements).flat();
    const [mapped] = elements.filter(({ data }) => data !== undefined);
    expect(mapped).toMatchObject({ data: Uint8Array.of(10, 0, 0, 2, 0, 80, 0, 0) });
  });

  test('verdictMap(), setMarkBits(), hasMarkBits() and etherSource() match the encoding of `nft`', () => {
    const rules = decodeAll([golden('nft-maps').request], NFT_MSG_NEWRULE, decodeNftRule);
    // `nft` names a set of the same transaction by its number too, and says the default of `op`.
    const said = rules.map(({ expressions }) =>
      expressions.map((expression) => {
        const { setId: _, ...rest } = expression as Expression & { setId?: number };
        if (rest.name === 'bitwise') {
          delete rest.op;
        }
        return rest;
      }),
    );
    expect(said).toEqual([
      verdictMap(['ip saddr'], 'pods'),
      verdictMap(['ip daddr', 'meta l4proto', 'th dport'], 'ports'),
      setMarkBits(0x2000),
      [...hasMarkBits(0x2000), ...accept()],
      [...etherSource('02:00:00:00:00:01'), ...returnBack()],
    ]);
  });

  test('newElements() encodes the bytes of `nft create element` and `nft add element` with comments', () => {
    const pods = { family: 'inet', table: 't', name: 'pods', setId: 1, exclusive: true } as const;
    const ports = { family: 'inet', table: 't', name: 'ports', setId: 2 } as const;
    const [one, two] = decodeAll([golden('nft-maps').request], NFT_MSG_NEWSETELEM, (message) => ({
      flags: message.flags,
      hex: toHex(message.bytes.slice(message.start, message.end)),
      elements: decodeElements(message),
    }));
    expect(one!.elements).toEqual([
      { key: Uint8Array.of(10, 0, 0, 2), verdict: { code: NFT_JUMP, chain: 'd' }, comment: 'one' },
    ]);
    expect(two!.elements).toEqual([
      {
        key: Uint8Array.of(10, 0, 0, 1, 6, 0, 0, 0, 0x1f, 0x90, 0, 0),
        verdict: { code: NFT_GOTO, chain: 'd' },
        comment: 'two',
      },
    ]);
    for (const [made, request] of [
      [one, newElements(pods, one!.elements)],
      [two, newElements(ports, two!.elements)],
    ] as const) {
      expect(request.flags | NLM_F_REQUEST).toBe(made!.flags & ~NLM_F_ACK);
      expect(toHex(request.payload)).toBe(made!.hex);
    }
  });

  test('decodeFlow() decodes a tracked connection', () => {
    expect(decodeAll(golden('conntrack-list').answers!, IPCTNL_MSG_CT_NEW, decodeFlow)).toMatchObject([
      {
        family: 'ipv4',
        mark: 7,
        original: {
          source: '10.0.0.1',
          destination: '10.0.0.2',
          protocol: 17,
          sourcePort: 1000,
          destinationPort: 53,
        },
        reply: { source: '10.0.0.2', sourcePort: 53 },
      },
    ]);
  });

  test('decodeIpSetElements() adds the prefix length that the kernel omits', () => {
    expect(
      decodeAll(golden('ipset-list').answers!, IPSET_CMD_LIST, decodeIpSetElements).flat().sort(),
    ).toEqual(['10.244.1.0/24', '192.0.2.7/32']);
  });

  test('decodeFamily() decodes the families of generic netlink', () => {
    const families = decodeAll(golden('genl-list').answers!, GENL_ID_CTRL, decodeFamily);
    expect(families.find(({ name }) => name === 'nlctrl')).toMatchObject({
      id: GENL_ID_CTRL,
      groups: [{ name: 'notify' }],
    });
  });
});
