/**
 * Refuses unknown keys of the objects that requests are built from. TypeScript refuses them in literals only, and
 * JavaScript nowhere. Without its misspelt key a filter passes everything, and a deletion deletes everything.
 */
import { NetlinkEncodeError } from './codec/errors.ts';
import { ipv4ConfTable, linkStateTable, linkTable } from './route/link-attributes.ts';
import { metricsTable } from './route/route-attributes.ts';

/** The keys that tables do not have, separated by spaces. */
const SPEC = {
  address:
    'index address peer broadcast scope nodad flags label routePriority protocol validLifetime preferredLifetime replace unknown',
  route:
    'dst via oif src table protocol scope priority type onlink tos mtu metrics nextHops nextHopId from realms encapType encap unknown family preference expires mode',
  metrics: '',
  'next hop': 'via oif weight onlink',
  'route query': 'dst src oif iif mark fibMatch',
  rule: 'from to sourcePorts destinationPorts uidRange invert family table action tos unknown',
  ports: 'first last',
  neighbour: 'index address state flags proxy unknown family mode',
  'nexthop object': 'id via oif group groupType onlink blackhole fdb family protocol unknown mode',
  link: 'index name kind up promiscuous allMulticast arp addrGenMode',
  'change of a link': 'index name kind up promiscuous allMulticast arp addrGenMode newName ipv4Conf',
  ipv4Conf: '',
  peer: 'name mtu mac txQueues rxQueues netns',
  'VLANs of a port': 'index vlans self',
  VLAN: 'vid last pvid untagged',
  'multicast group': 'bridge index group vlan state source filterMode protocol unknown',
  qdisc: 'index handle parent mode kind',
  'tbf qdisc': 'index handle parent mode kind rate burst buffer limit latency peakRate peakBurst',
  'qdisc to delete': 'index kind parent handle',
  filter: 'index redirect parent priority protocol kind',
  'filter to delete': 'index parent priority protocol',
  'filter of addresses': 'family index netnsId',
  'filter of routes': 'family table protocol type oif',
  'filter of rules': 'family',
  'filter of neighbours': 'family index master proxy',
  'filter of links': 'index name kind master',
  'filter of VLANs': 'index master',
  'filter of multicast groups': 'bridge',
  'filter of qdiscs': 'index',
  'filter of filters': 'index parent',
  table: 'family name exclusive flags comment',
  chain: 'family table name exclusive hook policy',
  hook: 'type hook priority device devices',
  'nftables rule': 'family table chain expressions comment handle position mode',
  'rule to delete': 'family table chain handle',
  set: 'family table name key data flags timeout id',
  'set of elements': 'family table name setId exclusive ifExists',
  element: 'key keyEnd comment data verdict',
  flowtable: 'family table name priority devices flags',
  counter: 'family table name bytes packets',
  quota: 'family table name bytes consumed over',
  limit: 'family table name rate per of burst over',
  'filter of nftables': 'family table chain',
  'filter of objects': 'family table reset',
  'filter of connections': 'protocol destinationPort destination',
  'change of a connection': '',
  'ipset set': 'name family maxElements',
  'change of an ipset set': 'add remove',
  'WireGuard device': 'index name privateKey replacePeers peers unknown',
  'WireGuard peer': 'publicKey presharedKey endpoint allowedIps remove updateOnly replaceAllowedIps unknown',
  'WireGuard endpoint': 'address port scopeId flowInfo',
  options: 'netns sys',
  'connection options': 'sys protocol netns dumpAttempts',
  'namespace options': 'sys directory',
  'monitor options': 'netns sys signal ignorePort receiveBuffer queueLimit',
} as const;

/** More keys of decoded objects that are accepted as specs. The request does not contain them. */
const DECODED = {
  address: 'family prefixLength',
  route: 'flags iif',
  'next hop': 'flags unknown',
  rule: 'flags',
  neighbour: 'type',
  link: 'type flags running alternativeNames statistics portKind bondPort bridgePort vrfPort portData kindData inner unknown',
  'change of a link':
    'type flags running alternativeNames statistics portKind bondPort bridgePort vrfPort portData kindData inner unknown',
  peer: 'unknown',
  'VLANs of a port': 'name master',
  'multicast group': 'flags',
  'qdisc to delete': 'tbf unknown',
  'filter to delete': 'handle kind redirect unknown',
  'rule to delete': 'expressions comment position unknown',
  'set of elements':
    'flags keyType keyLength dataType dataLength policy id timeout gcInterval userdata handle unknown',
  element: 'unknown',
  'WireGuard device': 'publicKey',
  'WireGuard peer': 'lastHandshake',
} as const satisfies Partial<Record<SpecName, string>>;

/** Settings of a kind of link that its table does not have. */
const KINDS: Readonly<Record<string, object>> = {
  bond: { arpTargets: 1, nsTargets: 1, aggregator: 1 },
  geneve: { remote: 1 },
  netkit: { peer: 1 },
  veth: { peer: 1 },
  vlan: { vlanFlags: 1 },
  vxlan: { remote: 1, local: 1, ttlInherit: 1, portRange: 1 },
};

/**
 * Tables of other modules. As arguments they would leave reads of variables in the static executable, where the checks are
 * empty functions.
 */
const TABLES: Partial<Record<SpecName, readonly object[]>> = {
  link: [linkTable],
  'change of a link': [linkTable],
  ipv4Conf: [ipv4ConfTable],
  metrics: [metricsTable],
};

/** The objects that are checked. */
export type SpecName = keyof typeof SPEC;

type Words<T extends string> = T extends `${infer Word} ${infer Rest}` ? Word | Words<Rest> : T;
/** The keys of an object that no table has, as a type that tests compare with that of the object. */
export type SpecKeys<N extends SpecName> =
  | Words<(typeof SPEC)[N]>
  | (N extends keyof typeof DECODED ? Words<(typeof DECODED)[N]> : never);

/**
 * Checks that an object has only the keys of its name and of the tables. A key that is `undefined` counts as absent.
 *
 * @throws {NetlinkEncodeError} BAD_REQUEST with the key and the expected ones
 */
export function checkSpec(name: SpecName, value: object, ...tables: readonly object[]): void {
  refuseUnknownKeys(SPEC, name, name, value, tables);
}

/** Like {@link checkSpec}, for a link. Its kind has more keys, and a change has those of a bridge port. */
export function checkLink(
  name: 'link' | 'change of a link',
  value: { kind?: string },
  kinds: Readonly<Record<string, { table: object; port?: object }>>,
): void {
  const kind = value?.kind;
  const port = name === 'change of a link' ? [kinds.bridge?.port ?? {}] : [];
  if (kind === undefined) {
    refuseUnknownKeys(kinds, name, name, value, port);
  } else if (Object.hasOwn(kinds, kind)) {
    const others = Object.hasOwn(KINDS, kind) ? KINDS[kind]! : {};
    refuseUnknownKeys(kinds, `${name} ${kind}`, name, value, [...port, kinds[kind]!.table, others], kind);
  }
}

/** The known keys by name, and for links by kind, of each set of kinds. */
const known = new WeakMap<object, Map<string, ReadonlySet<string>>>();

function refuseUnknownKeys(
  scope: object,
  id: string,
  name: SpecName,
  value: object,
  tables: readonly object[],
  kind?: string,
): void {
  if (typeof value !== 'object' || value === null) {
    throw new NetlinkEncodeError(
      'BAD_REQUEST',
      `Invalid ${name} ${JSON.stringify(value)}: expected an object`,
    );
  }
  const ofScope = known.get(scope) ?? new Map<string, ReadonlySet<string>>();
  known.set(scope, ofScope);
  let keys = ofScope.get(id);
  if (keys === undefined) {
    const decoded = (DECODED as Record<string, string>)[name]?.split(' ') ?? [];
    const state = name.endsWith('link') ? Object.keys(linkStateTable) : [];
    keys = new Set([...expectedKeys(name, tables), ...decoded, ...state, kind ?? '']);
    ofScope.set(id, keys);
  }
  for (const key in value) {
    if (!keys.has(key) && (value as Record<string, unknown>)[key] !== undefined) {
      const list = expectedKeys(name, tables).filter((one) => one !== 'unknown');
      const message = `Unknown key "${key}" in ${name}: expected ${list.join(', ')}`;
      throw new NetlinkEncodeError('BAD_REQUEST', message);
    }
  }
}

const expectedKeys = (name: SpecName, tables: readonly object[]): string[] =>
  SPEC[name]
    .split(' ')
    .concat([...(TABLES[name] ?? []), ...tables].flatMap((table) => Object.keys(table)))
    .filter((key) => key !== '');
