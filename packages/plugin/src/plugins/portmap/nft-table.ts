/**
 * The nftables table of host ports. Its maps lead from a port to the chain of the pod that owns it, so a packet, an
 * ADD and a DEL cost the same however many pods have ports:
 *
 *     table inet cnikit_hostports {
 *       map any_ipv4 { type inet_proto . inet_service : verdict; elements = { tcp . 8080 comment "pods/4f1c/eth0" : jump pod-… } }
 *       map any_ipv6, one_ipv4, one_ipv6 { … } # one_*: ports of one address of the node
 *       chain hostports { ip daddr . meta l4proto . th dport vmap @one_ipv4; … vmap @any_ipv4; … }
 *       chain prerouting { type nat hook prerouting priority dstnat + 10; fib daddr type local goto hostports }
 *       chain output { type nat hook output priority dstnat + 10; fib daddr type local goto hostports }
 *       chain mark-0x2000 { type nat hook postrouting priority srcnat; meta mark & 0x2000 == 0x2000 masquerade }
 *       chain pod-… {
 *         ip saddr 10.1.0.0/24 meta mark set meta mark | 0x2000
 *         ip saddr 127.0.0.0/8 meta mark set meta mark | 0x2000
 *         tcp dport 8080 dnat ip to 10.1.0.5:80 comment "any_ipv4 tcp 8080"
 *       }
 *     }
 *
 * kube-proxy translates at priority dstnat, and the kernel skips the other chains for a connection that is translated. So
 * a Service takes precedence over a host port, also when it is created later.
 *
 * The name of a pod's chain follows from the attachment, and the comments of its rules name the map elements that lead
 * to it. DEL needs no other state.
 */
import { type Family, formatAddress, parseAddress } from '@cnikit/ip';
import type { Request } from '@cnikit/netlink';
import {
  delChain,
  delRule,
  delSet,
  delTable,
  type Expression,
  newChain,
  newRule,
  newSet,
  newTable,
} from '@cnikit/netlink/nftables';
import * as expr from '@cnikit/netlink/nftables/expr';
import { digest } from '#digest';
import type { HostPort, PortProtocol } from '../../nat/host-port.ts';
import type { Owner } from '../../nat/owner.ts';
import { DEFAULT_MARK } from './settings.ts';

export const TABLE = { family: 'inet', name: 'cnikit_hostports' } as const;
export const IN_TABLE = { family: 'inet', table: TABLE.name } as const;
export const MAPS = ['any_ipv4', 'any_ipv6', 'one_ipv4', 'one_ipv6'] as const;
type MapName = (typeof MAPS)[number];
const MAP_KEYS = {
  any_ipv4: ['inet_proto', 'inet_service'],
  any_ipv6: ['inet_proto', 'inet_service'],
  one_ipv4: ['ipv4_addr', 'inet_proto', 'inet_service'],
  one_ipv6: ['ipv6_addr', 'inet_proto', 'inet_service'],
} as const;
/** Names of the maps in tables of earlier versions, in the order of MAPS. `ip6` is a keyword of nft. */
export const OLD_MAPS = ['any4', 'any6', 'ip4', 'ip6'] as const;
export const PORTS = 'hostports';
export const HOOKS = ['prerouting', 'output'] as const;
/** Value of `use` of a table that has neither pods nor masquerade chains: its own chains and maps. */
export const EMPTY_TABLE_USE = 7;
export const POD_PREFIX = 'pod-';
export const MARK_PREFIX = 'mark-0x';
/** After kube-proxy, whose chains have -100. */
const AFTER_DSTNAT = -90;
const SRCNAT = 100;
const DIGITS = 12;
const PROTOCOLS = { tcp: 6, udp: 17, sctp: 132 } as const;

export const inMap = (name: MapName) => ({ ...IN_TABLE, name });

export function podChain({ network, containerID, ifName }: Owner): string {
  return `${POD_PREFIX}${digest(network, DIGITS)}-${digest(`${containerID}/${ifName}`, DIGITS)}`;
}

export const markChain = (mark: number): string => `${MARK_PREFIX}${mark.toString(16)}`;

/** A map element that leads from a host port to a pod's chain. */
export interface PortMapElement {
  map: MapName;
  protocol: PortProtocol;
  port: number;
  hostIP?: string | undefined;
}

export function portMapElement(port: HostPort, family: Family): PortMapElement {
  const map = `${port.hostIP === undefined ? 'any' : 'one'}_${family}` as const;
  return { map, protocol: port.protocol, port: port.hostPort, hostIP: port.hostIP };
}

/** The host port of an element; an element does not know the container's port. */
export function hostPortOf({ map, protocol, port, hostIP }: PortMapElement): HostPort {
  const family = map.endsWith('ipv4') ? 'ipv4' : 'ipv6';
  return { protocol, hostPort: port, containerPort: 0, family, hostIP };
}

export function elementKey({ protocol, port, hostIP }: PortMapElement): Uint8Array {
  const address = hostIP === undefined ? undefined : parseAddress(hostIP);
  const at = address?.length ?? 0;
  // Each field of a concatenated key starts at a multiple of four bytes.
  const key = new Uint8Array(at + 8);
  if (address !== undefined) {
    key.set(address);
  }
  key[at] = PROTOCOLS[protocol];
  key[at + 4] = port >> 8;
  key[at + 5] = port;
  return key;
}

/** The inverse of {@link elementKey}. */
export function elementOfKey(map: MapName, key: Uint8Array): PortMapElement {
  const address = key.subarray(0, key.length - 8);
  const [number, , , , high = 0, low = 0] = key.subarray(address.length);
  const protocol =
    (Object.keys(PROTOCOLS) as PortProtocol[]).find((name) => PROTOCOLS[name] === number) ?? 'tcp';
  const hostIP = address.length === 0 ? undefined : formatAddress(address);
  return { map, protocol, port: high * 256 + low, hostIP };
}

/** The comment of the rule that belongs to an element: `any_ipv4 tcp 8080`, `one_ipv4 tcp 8080 192.0.2.1`. */
export function elementComment({ map, protocol, port, hostIP }: PortMapElement): string {
  const element = `${map} ${protocol} ${port}`;
  return hostIP === undefined ? element : `${element} ${hostIP}`;
}

/** The inverse of {@link elementComment}; also accepts the names of {@link OLD_MAPS}. */
export function parseElementComment(comment: string | undefined): PortMapElement | undefined {
  const [name, protocol = '', digits, hostIP, ...rest] = comment?.split(' ') ?? [];
  const map = MAPS.find((one, i) => name === one || name === OLD_MAPS[i]);
  const port = Number(digits) & 0xffff;
  if (map === undefined || !Object.hasOwn(PROTOCOLS, protocol) || String(port) !== digits) {
    return undefined;
  }
  return hostIP === '' || rest.length > 0
    ? undefined
    : { map, protocol: protocol as PortProtocol, port, hostIP };
}

/** Requests for the chain that masquerades packets with this mark. */
export function newMarkChain(mark: number): readonly Request[] {
  return mark === DEFAULT_MARK ? NEW_DEFAULT_MARK : markChainRequests(mark);
}

function markChainRequests(mark: number): Request[] {
  const name = markChain(mark);
  const hook = { type: 'nat', hook: 'postrouting', priority: SRCNAT } as const;
  return [newChain({ ...IN_TABLE, name, hook, exclusive: true }), markRule(mark)[1]];
}

/** A rule of a chain that all pods share. */
type SharedRule = readonly [chain: string, request: Request];

/** The rule of the chain that masquerades packets with this mark. */
export function markRule(mark: number): SharedRule {
  const chain = markChain(mark);
  return [
    chain,
    newRule({ ...IN_TABLE, chain, expressions: [...expr.hasMarkBits(mark), ...expr.masquerade()] }),
  ];
}

/** Returns true when a rule's comment was written by an earlier version. */
export const isOldComment = (comment: string): boolean =>
  OLD_MAPS.some((name) => comment.startsWith(`${name} `));

const inPorts = (...expressions: Expression[]): SharedRule => [
  PORTS,
  newRule({ ...IN_TABLE, chain: PORTS, expressions }),
];

// Equal on all nodes, so the build encodes them into the executable.
const NEW_DEFAULT_MARK: readonly Request[] = markChainRequests(DEFAULT_MARK);

/** The rules of the chains that all pods share, except those of marks. */
export const SHARED_RULES: readonly SharedRule[] = [
  // A port of one address takes precedence over the same port of all addresses.
  inPorts(...expr.verdictMap(['ip daddr', 'meta l4proto', 'th dport'], 'one_ipv4')),
  inPorts(...expr.verdictMap(['ip6 daddr', 'meta l4proto', 'th dport'], 'one_ipv6')),
  inPorts(...expr.ipVersion('ipv4'), ...expr.verdictMap(['meta l4proto', 'th dport'], 'any_ipv4')),
  inPorts(...expr.ipVersion('ipv6'), ...expr.verdictMap(['meta l4proto', 'th dport'], 'any_ipv6')),
  ...HOOKS.map((hook): SharedRule => {
    const expressions = [...expr.toLocal(), ...expr.goTo(PORTS)];
    return [hook, newRule({ ...IN_TABLE, chain: hook, expressions })];
  }),
];

/** Requests for the maps and the chains that all pods share. */
export const NEW_SHARED: readonly Request[] = [
  ...MAPS.map((name, i) => newSet({ ...inMap(name), key: MAP_KEYS[name], data: 'verdict', id: i + 1 })),
  newChain({ ...IN_TABLE, name: PORTS }),
  ...HOOKS.map((hook) =>
    newChain({ ...IN_TABLE, name: hook, hook: { type: 'nat', hook, priority: AFTER_DSTNAT } }),
  ),
  ...SHARED_RULES.map(([, request]) => request),
];

/** Requests for the table with what all pods share. */
export const NEW_TABLE: readonly Request[] = [newTable({ ...TABLE, exclusive: true }), ...NEW_SHARED];

/**
 * Requests that delete the table with all its rules and the given chains besides its own. The kernel refuses them when
 * the table has any other chain.
 */
export function delWholeTable(chains: readonly string[]): Request[] {
  return [
    delRule(IN_TABLE),
    ...[...HOOKS, PORTS, ...chains].map((name) => delChain({ ...IN_TABLE, name })),
    ...MAPS.map((name) => delSet(inMap(name))),
    delTable({ ...TABLE, ifEmpty: true }),
  ];
}
