/**
 * What a node should look like, said a second time and otherwise than in src/desired: from the API's nodes and the
 * kernel's networks alone.
 */
import type { DesiredRules } from '../../src/apply/rules.ts';
import { type KernelState, ROUTE_PROTOCOL } from '../../src/model.ts';
import {
  contains,
  type Family,
  families,
  familyOf,
  overlaps,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../../src/prefix.ts';
import type { ApiNode } from './api.ts';

/** Next hop and link of each route that there should be, by destination. */
export type ExpectedRoutes = Map<string, { via: string; oif: number }>;

export function expectedRoutes(own: ApiNode, nodes: Iterable<ApiNode>, kernel: KernelState): ExpectedRoutes {
  const holders = new Map<string, ApiNode>();
  for (const node of nodes)
    for (const cidr of node.podCIDRs) {
      const other = holders.get(cidr);
      if (other === undefined || age(node) < age(other)) holders.set(cidr, node);
    }
  const networks = networksOf(kernel);
  const local = new Set(kernel.addresses.map(({ address }) => address.split('/')[0]!));
  const ours = own.podCIDRs.map((cidr) => parsePrefix(cidr)!);
  const routes: ExpectedRoutes = new Map();
  for (const [dst, { internalIPs }] of holders) {
    const prefix = parsePrefix(dst)!;
    if (ours.some((cidr) => overlaps(cidr, prefix))) continue;
    const via = internalIPs.find((ip) => ip.includes(':') === dst.includes(':'));
    if (via === undefined || local.has(via)) continue;
    const hop = parseAddress(via)!;
    if (contains(prefix, hop)) continue;
    const network = networks.find((one) => contains(one.prefix, hop));
    if (network?.oif !== undefined) routes.set(dst, { via, oif: network.oif });
  }
  return routes;
}

const age = ({ created, uid }: ApiNode): string => `${created} ${uid}`;

/** Everything that is not the agent's, most specific first; `oif` only where a host is reached without a gateway. */
function networksOf({ routes }: KernelState): { prefix: Prefix; oif?: number }[] {
  return routes
    .filter(({ protocol }) => protocol !== ROUTE_PROTOCOL)
    .map(({ dst, via, oif }) => ({
      prefix: parsePrefix(dst)!,
      ...(via === undefined && oif !== undefined ? { oif } : {}),
    }))
    .sort((a, b) => b.prefix.length - a.prefix.length);
}

/**
 * Where kernel and expectation differ, one line each. Where a foreign route has the same destination, ours may be there
 * or not, but no wrong one.
 */
export function routeDifferences(expected: ExpectedRoutes, { routes }: KernelState): string[] {
  const differences: string[] = [];
  const foreign = new Set<string>();
  const right = new Set<string>();
  for (const { dst, via, oif, protocol, priority } of routes) {
    if (protocol !== ROUTE_PROTOCOL) {
      foreign.add(dst);
      continue;
    }
    const wanted = expected.get(dst);
    const metric = dst.includes(':') ? 1024 : 0;
    if (wanted?.via === via && wanted?.oif === oif && priority === metric) right.add(dst);
    else differences.push(`too much: ${dst} via ${via} dev ${oif} metric ${priority}`);
  }
  for (const [dst, { via }] of expected)
    if (!right.has(dst) && !foreign.has(dst)) differences.push(`missing: ${dst} via ${via}`);
  return differences;
}

/**
 * Where the masquerading rules differ from: pods keep their address towards pods and towards nodes on a link of this
 * one, and towards nobody else.
 */
export function ruleDifferences(
  own: ApiNode,
  nodes: readonly ApiNode[],
  kernel: KernelState,
  rules?: DesiredRules,
): string[] {
  return families.flatMap((family) => {
    const has = own.podCIDRs.some((cidr) => familyOf(cidr) === family);
    const outside = kernel.routes.some(({ dst }) => dst === (family === 'ipv4' ? '0.0.0.0/0' : '::/0'));
    const nat = rules?.[family].find(({ table }) => table === 'nat')?.chains['CNIKIT-MASQ'];
    if (!has || !outside) return nat === undefined ? [] : [`${family}: masquerades, and should not`];
    if (nat === undefined) return [`${family}: does not masquerade`];
    const kept = nat.flatMap((rule) =>
      'destination' in rule && rule.destination ? [String(rule.destination)] : [],
    );
    const cluster = nodes.flatMap((node) => [
      ...node.podCIDRs,
      ...(node.name === own.name || isNeighbour(node, family, kernel) ? node.internalIPs : []),
    ]);
    const wanted = [...cluster.filter((text) => familyOf(text) === family), multicast[family]];
    return spans(kept) === spans(wanted)
      ? []
      : [`${family}: keeps ${kept.join(' ')}, not ${wanted.join(' ')}`];
  });
}

function isNeighbour({ internalIPs }: ApiNode, family: Family, kernel: KernelState): boolean {
  const address = internalIPs.find((ip) => familyOf(ip) === family);
  if (address === undefined || kernel.addresses.some((one) => one.address.split('/')[0] === address))
    return false;
  const network = networksOf(kernel).find(({ prefix }) => contains(prefix, parseAddress(address)!));
  return network?.oif !== undefined;
}

const multicast = { ipv4: '224.0.0.0/4', ipv6: 'ff00::/8' } as const;

/** The addresses that prefixes cover, as text that is equal for equal sets. */
function spans(prefixes: readonly string[]): string {
  const ranges = prefixes
    .map((text) => {
      const { bytes, length } = parsePrefix(text)!;
      const value = bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      return [value, value + (1n << BigInt(bytes.length * 8 - length))] as const;
    })
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const merged: [bigint, bigint][] = [];
  for (const [from, to] of ranges) {
    const last = merged.at(-1);
    if (last === undefined || from > last[1]) merged.push([from, to]);
    else if (to > last[1]) last[1] = to;
  }
  return merged.join(';');
}
