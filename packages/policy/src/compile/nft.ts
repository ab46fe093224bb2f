import { type Family, families, familyOf } from '@cnikit/ip';
import { checkKeys, checkPrefixes } from '../arguments.ts';
import { ArgumentError } from '../errors.ts';
import {
  type Direction,
  OPEN,
  type PeerMatch,
  type Rule,
  type Ruleset,
  type ServiceMatch,
} from './ruleset.ts';

/** Options of {@link formatNft}. */
export interface NftOptions {
  /** Pod networks of the node. Packets of addresses in these that belong to no known pod are dropped. */
  podCIDRs: readonly string[];
  /**
   * Judge packets that ipvs sends on through the output hook too.
   *
   * @default false
   */
  ipvs?: boolean | undefined;
  /** @default 'cnikit-policy' */
  table?: string | undefined;
}

/** ICMPv6 types of router and neighbour discovery, and redirects. They pass always. */
const DISCOVERY = '{ 133, 134, 135, 136, 137 }';

/**
 * Writes a ruleset as input of `nft -f`. It replaces the table in one transaction.
 *
 * Packets of established connections pass. A pod of the node is judged in the forward hook, egress before ingress, and
 * in the input hook for packets to its own node; with `ipvs`, in the output hook too. What the node itself sends meets no rule.
 *
 * @throws {ArgumentError} when an option is unknown, or has an invalid value
 */
export function formatNft(ruleset: Ruleset, options: NftOptions): string {
  checkKeys('options', options, ['podCIDRs', 'ipvs', 'table']);
  const { podCIDRs, ipvs = false, table = 'cnikit-policy' } = options;
  checkPrefixes('podCIDRs', podCIDRs);
  if (!/^[A-Za-z_][\w/.-]*$/.test(table)) {
    throw new ArgumentError('table', table, 'expected a letter or _, then letters, digits, and /, _, . or -');
  }
  return [
    `table inet ${table}`,
    `delete table inet ${table}`,
    `table inet ${table} {`,
    ...indented([
      ...families.flatMap((family) => setsOf(ruleset, family)),
      ...(['egress', 'ingress'] as const).flatMap((direction) =>
        families.flatMap((family) => podMap(ruleset, direction, family)),
      ),
      ...[...ruleset.chains]
        .filter(([name]) => name !== OPEN)
        .flatMap(([name, rules]) => block(`chain ${name}`, rules.flatMap(ruleTexts))),
      ...baseChain('egress', 'hook forward priority 0', 'egress', podCIDRs),
      ...baseChain('ingress', 'hook forward priority 1', 'ingress', podCIDRs),
      // ipvs takes packets to Services at priority 99.
      ...baseChain('to-node', 'hook input priority 101', 'egress', podCIDRs),
      ...(ipvs
        ? [
            ...baseChain('ipvs-egress', 'hook output priority 0', 'egress', podCIDRs),
            ...baseChain('ipvs-ingress', 'hook output priority 1', 'ingress', podCIDRs),
          ]
        : []),
    ]),
    '}',
    '',
  ].join('\n');
}

const KEYWORDS = {
  ipv4: { address: 'ip', type: 'ipv4_addr' },
  ipv6: { address: 'ip6', type: 'ipv6_addr' },
} as const;

/** Sets of the numbers that rules use, those without elements too. */
function setsOf(ruleset: Ruleset, family: Family): string[] {
  const rules = [...ruleset.chains.values()].flat();
  const { type } = KEYWORDS[family];
  const selections = rules.flatMap(({ peer }) => (peer && 'selection' in peer ? [peer.selection] : []));
  const ports = rules.flatMap(({ service }) => service?.namedPort ?? []);
  return [
    ...[...new Set(selections)].flatMap((number) => {
      const own = [...(ruleset.members.get(number) ?? [])].filter((address) => familyOf(address) === family);
      return block(`set ${selectionSet(number, family)}`, [`type ${type}`, ...elements(own)]);
    }),
    ...[...new Set(ports)].flatMap((number) => {
      const own = [...(ruleset.namedPorts.get(number) ?? [])]
        .map((entry) => entry.split(' ') as [address: string, port: string])
        .filter(([address]) => familyOf(address) === family);
      return block(`set ${portSet(number, family)}`, [
        `type ${type} . inet_service`,
        ...elements(own.map((entry) => entry.join(' . '))),
      ]);
    }),
  ];
}

function podMap({ pods }: Ruleset, direction: Direction, family: Family): string[] {
  const own = [...pods[direction]].filter(([address]) => familyOf(address) === family);
  return block(`map ${podMapName(direction, family)}`, [
    `type ${KEYWORDS[family].type} : verdict`,
    ...elements(own.map(([address, chain]) => `${address} : ${chain === OPEN ? 'accept' : `goto ${chain}`}`)),
  ]);
}

function baseChain(name: string, hook: string, direction: Direction, podCIDRs: readonly string[]): string[] {
  const side = direction === 'egress' ? 'saddr' : 'daddr';
  return block(`chain ${name}`, [
    `type filter ${hook}; policy accept;`,
    'ct state established,related accept',
    `icmpv6 type ${DISCOVERY} accept`,
    // The node reaches its own addresses through lo, that of the bridge in the pod network too.
    ...(hook.includes('input') ? ['iifname "lo" accept'] : []),
    // Packets of the node itself.
    ...(hook.includes('output') ? ['fib saddr type local accept'] : []),
    ...families.map((family) => `${KEYWORDS[family].address} ${side} vmap @${podMapName(direction, family)}`),
    ...podCIDRs.map((cidr) => `${KEYWORDS[familyOf(cidr)].address} ${side} ${cidr} drop`),
  ]);
}

/** Returns the texts of a rule: one for each family that its sets need. */
function ruleTexts({ peer, service, verdict }: Rule): string[] {
  const end = typeof verdict === 'string' ? verdict : `jump ${verdict.jump}`;
  const needsFamily = (peer && 'selection' in peer) || service?.namedPort !== undefined;
  const ofPeer = peer && 'family' in peer ? [peer.family] : needsFamily ? families : [undefined];
  return ofPeer.map((family) =>
    [peerText(peer, family), serviceText(service, family), end].filter((text) => text !== '').join(' '),
  );
}

function peerText(peer: PeerMatch | undefined, family: Family | undefined): string {
  if (!peer || !family) {
    return '';
  }
  const field = `${KEYWORDS[family].address} ${peer.end === 'source' ? 'saddr' : 'daddr'}`;
  if ('selection' in peer) {
    return `${field} @${selectionSet(peer.selection, family)}`;
  }
  return `${field} ${peer.from === peer.to ? peer.from : `${peer.from}-${peer.to}`}`;
}

function serviceText(service: ServiceMatch | undefined, family: Family | undefined): string {
  if (!service) {
    return '';
  }
  const protocol = service.protocol.toLowerCase();
  if (service.namedPort !== undefined && family) {
    return `${KEYWORDS[family].address} daddr . ${protocol} dport @${portSet(service.namedPort, family)}`;
  }
  if (!service.range) {
    return `meta l4proto ${protocol}`;
  }
  const [from, to] = service.range;
  return `${protocol} dport ${from === to ? from : `${from}-${to}`}`;
}

const selectionSet = (number: number, family: Family) => `selection-${number}-${family}`;
const portSet = (number: number, family: Family) => `port-${number}-${family}`;
const podMapName = (direction: Direction, family: Family) => `${direction}-${family}`;

function elements(texts: readonly string[]): string[] {
  return texts.length === 0 ? [] : [`elements = { ${texts.join(', ')} }`];
}

function block(head: string, lines: readonly string[]): string[] {
  return [`${head} {`, ...indented(lines), '}'];
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `\t${line}`);
}
