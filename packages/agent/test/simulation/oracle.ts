/**
 * What a node should have, derived a second time and independently of src/desired: from the API's nodes and
 * the kernel's networks. A tunnel is judged by where its packets go, not by its entries.
 */

import {
  contains,
  type Family,
  families,
  familyOf,
  overlaps,
  type Prefix,
  parseAddress,
  parseNetwork,
} from '@cnikit/ip';
import type { Encap, KernelLink, KernelState, Layout } from '../../src/core/model.ts';
import { ROUTE_PROTOCOL } from '../../src/core/names.ts';
import { TUNNEL_GROUP } from '../../src/core/tunnel-mark.ts';
import type { ApiNode } from './api.ts';
import type { SimulatedFirewall } from './firewall.ts';
import type { SimulatedSysctls } from './sysctls.ts';

/**
 * How packets reach a podCIDR: through a next hop, in a tunnel to a node's own address, or not at all when no pod has the
 * address.
 */
export type Way = { via: string; oif: number } | { remote: string } | { rejected: true };
/** Metric of unreachable routes to the own podCIDRs. */
const LAST = 0xffff_fffe;
/** Expected routes by destination. */
export type ExpectedRoutes = Map<string, Way>;

const LINKS = { ipv4: 'cnikit-vx', ipv6: 'cnikit-vx6' } as const;
const HEADERS = { ipv4: 50, ipv6: 70 } as const;

export function expectedRoutes(
  own: ApiNode,
  nodes: Iterable<ApiNode>,
  kernel: KernelState,
  { encap, layout }: { encap: Encap; layout: Layout },
): ExpectedRoutes {
  const claimants = new Map<string, ApiNode[]>();
  for (const node of nodes) {
    for (const cidr of node.podCIDRs) {
      claimants.set(cidr, [...(claimants.get(cidr) ?? []), node]);
    }
  }
  const holders = new Map<string, ApiNode>();
  for (const [cidr, all] of claimants) {
    holders.set(
      cidr,
      all.reduce((a, b) => (age(b) < age(a) ? b : a)),
    );
  }
  const refused = outlived(holders);
  const networks = networksOf(kernel);
  const local = localOf(kernel);
  const routes: ExpectedRoutes = new Map();
  for (const [dst, { name, internalIPs }] of holders) {
    const prefix = parsed(dst);
    if (claimants.get(dst)!.some((node) => node.name === own.name)) {
      if (layout === 'routed') {
        routes.set(dst, { rejected: true });
      }
      continue;
    }
    if (refused.has(dst)) {
      continue;
    }
    if (own.podCIDRs.some((cidr) => overlaps(parsed(cidr), prefix)) || name === own.name) {
      continue;
    }
    const way = wayTo(internalIPs, familyOf(prefix.address), own, { networks, local, kernel, encap });
    if (way === undefined) {
      continue;
    }
    const address = 'via' in way ? way.via : way.remote;
    if (!contains(prefix, parseAddress(address)!)) {
      routes.set(dst, way);
    }
  }
  return routes;
}

interface Surroundings {
  networks: readonly Network[];
  local: ReadonlySet<string>;
  kernel: KernelState;
  encap: Encap;
}

function wayTo(
  internalIPs: readonly string[],
  family: Family,
  own: ApiNode,
  { networks, local, kernel, encap }: Surroundings,
): Exclude<Way, { rejected: true }> | undefined {
  const of = (which: Family, ips: readonly string[]): string | undefined =>
    ips.find((ip) => familyOf(ip) === which);
  const find = (ip: string): Network | undefined =>
    networks.find(({ prefix }) => contains(prefix, parseAddress(ip)!));
  const via = of(family, internalIPs);
  if (via !== undefined && local.has(via)) {
    return undefined;
  }
  const oif = via === undefined || encap === 'always' ? undefined : find(via)?.oif;
  if (oif !== undefined) {
    return { via: via!, oif };
  }
  if (encap === 'never') {
    const direct = via === undefined ? undefined : find(via);
    return direct?.direct === true ? { via: via!, oif: direct.link! } : undefined;
  }
  for (const underlay of families) {
    const remote = of(underlay, internalIPs);
    if (remote === undefined || of(underlay, own.internalIPs) === undefined) {
      continue;
    }
    if (local.has(remote)) {
      return undefined;
    }
    if (find(remote) !== undefined) {
      return canTunnel(kernel, underlay) ? { remote } : undefined;
    }
  }
  return undefined;
}

/** False while a foreign link has the tunnel's name, or its VNI and port. */
function canTunnel({ links }: KernelState, underlay: Family): boolean {
  const name = LINKS[underlay];
  if (links.some((link) => link.name === name && link.group === TUNNEL_GROUP)) {
    return true;
  }
  const taken = ({ name: other, vxlan }: KernelLink): boolean =>
    other === name || (vxlan?.id === 201 && vxlan.port === 4789);
  return !links.some((link) => link.group !== TUNNEL_GROUP && taken(link));
}

/** Returns podCIDRs that overlap one of an older, other node. */
function outlived(holders: ReadonlyMap<string, ApiNode>): Set<string> {
  const all = [...holders].map(([text, holder]) => {
    const prefix = parsed(text);
    return { text, holder, prefix, order: `${familyOf(prefix.address)} ${bits(prefix)}` };
  });
  all.sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : a.prefix.length - b.prefix.length));
  const refused = new Set<string>();
  const around: typeof all = [];
  for (const one of all) {
    while (around.length > 0 && !overlaps(around.at(-1)!.prefix, one.prefix)) {
      around.pop();
    }
    for (const outer of around) {
      if (outer.holder.name === one.holder.name) {
        continue;
      }
      refused.add(age(outer.holder) < age(one.holder) ? one.text : outer.text);
    }
    around.push(one);
  }
  return refused;
}

const age = ({ created, uid }: ApiNode): string => `${created} ${uid}`;

interface Network {
  prefix: Prefix;
  /** Set if hosts are reached without a gateway, on a link that delivers to each of them. */
  oif?: number;
  link?: number | undefined;
  /** Hosts are reached without a gateway. */
  direct: boolean;
}

/** Networks of foreign routes, most specific first. */
function networksOf({ routes, links }: KernelState): Network[] {
  const pointToPoint = new Set(links.filter(({ noArp }) => noArp === true).map(({ index }) => index));
  return routes
    .filter(({ protocol }) => protocol !== ROUTE_PROTOCOL)
    .map(({ dst, via, oif }) => ({
      prefix: parsed(dst),
      ...(via === undefined && oif !== undefined && !pointToPoint.has(oif) ? { oif } : {}),
      link: oif,
      direct: via === undefined && oif !== undefined,
    }))
    .sort((a, b) => b.prefix.length - a.prefix.length);
}

const localOf = ({ addresses }: KernelState): Set<string> =>
  new Set(addresses.map(({ address }) => address.split('/')[0]!));

/**
 * Returns the differences between kernel and expectation, one line each. If a foreign route has the same
 * destination, our route may exist or not, but must not be wrong.
 */
export function routeDifferences(expected: ExpectedRoutes, kernel: KernelState): string[] {
  const differences: string[] = [];
  const foreign = new Set<string>();
  const taken = new Set<string>();
  const right = new Set<string>();
  const entries = new Entries(kernel);
  for (const { dst, via, oif, protocol, priority, type } of kernel.routes) {
    if (protocol !== ROUTE_PROTOCOL) {
      foreign.add(dst);
      if (priority === LAST) {
        taken.add(dst);
      }
      continue;
    }
    const wanted = expected.get(dst);
    if (wanted !== undefined && 'rejected' in wanted) {
      // Behind the route of the bridge and those of other programs.
      if (type === 'unreachable' && priority === LAST) {
        right.add(dst);
      } else {
        differences.push(`too much: ${type} ${dst} metric ${priority} in the own podCIDR`);
      }
      continue;
    }
    const metric = dst.includes(':') ? 1024 : 0;
    const arrives =
      wanted !== undefined && 'remote' in wanted
        ? entries.remote(oif, via) === wanted.remote
        : wanted?.via === via && wanted?.oif === oif;
    if (wanted !== undefined && type === 'unicast' && arrives && priority === metric) {
      right.add(dst);
    } else {
      differences.push(`too much: ${dst} via ${via} dev ${oif} metric ${priority}`);
    }
  }
  for (const [dst, way] of expected) {
    if (!right.has(dst) && !('rejected' in way ? taken : foreign).has(dst)) {
      differences.push(`missing: ${dst} to ${Object.values(way)}`);
    }
  }
  // The entries exist even if a foreign route keeps our route out.
  for (const [dst, way] of expected) {
    if ('remote' in way && foreign.has(dst)) {
      entries.useFor(way.remote);
    }
  }
  return [...differences, ...entries.unused()];
}

/** Entries of the agent's tunnels, and which of them routes use. */
class Entries {
  readonly #byKey = new Map<string, string>();
  readonly #unused = new Set<string>();

  constructor({ neighbours = [] }: KernelState) {
    for (const { table, index, mac, address } of neighbours) {
      const key = table === 'fdb' ? `${index} ${mac}` : `${index} ${address}`;
      this.#byKey.set(key, table === 'fdb' ? address : mac);
      this.#unused.add(key);
    }
  }

  /** Returns the address of the node that packets for this next hop are sent to. */
  remote(oif: number | undefined, via: string | undefined): string | undefined {
    const hop = `${oif} ${via}`;
    const mac = this.#byKey.get(hop);
    const end = `${oif} ${mac}`;
    for (const key of [hop, end]) {
      this.#unused.delete(key);
    }
    return this.#byKey.get(end);
  }

  useFor(remote: string): void {
    for (const [key, value] of this.#byKey) {
      if (value !== remote) {
        continue;
      }
      const [index, mac] = key.split(' ');
      this.#unused.delete(key);
      for (const [hop, through] of this.#byKey) {
        if (through === mac && hop.startsWith(`${index} `)) {
          this.#unused.delete(hop);
        }
      }
    }
  }

  unused(): string[] {
    return [...this.#unused].map((key) => `too much: entry ${key} to ${this.#byKey.get(key)}`);
  }
}

/** Returns the differences of the agent's tunnel links: one for each family of outer packets in use. */
export function tunnelDifferences(own: ApiNode, expected: ExpectedRoutes, kernel: KernelState): string[] {
  const needed = new Set(
    [...expected.values()].flatMap((way) => ('remote' in way ? [familyOf(way.remote)] : [])),
  );
  const differences: string[] = [];
  for (const underlay of families) {
    const name = LINKS[underlay];
    const link = kernel.links.find((one) => one.name === name && one.group === TUNNEL_GROUP);
    if (link === undefined && needed.has(underlay)) {
      differences.push(`missing: link ${name}`);
    }
    if (link !== undefined && !needed.has(underlay)) {
      differences.push(`too much: link ${name}`);
    }
    if (link === undefined || !needed.has(underlay)) {
      continue;
    }
    const addresses = kernel.addresses.filter(({ index }) => index === link.index);
    const is = [link.up, link.mtu, link.vxlan?.local, ...addresses.map(({ address }) => address).sort()];
    const want = wantedLink(own, underlay, expected, kernel);
    if (is.join() !== want.join()) {
      differences.push(`link ${name} is ${is}, not ${want}`);
    }
  }
  return differences;
}

function wantedLink(
  own: ApiNode,
  underlay: Family,
  expected: ExpectedRoutes,
  kernel: KernelState,
): unknown[] {
  const { links, addresses } = kernel;
  const networks = networksOf(kernel);
  const source = own.internalIPs
    .filter((ip) => familyOf(ip) === underlay)
    .map((ip) => ({ ip, index: addresses.find(({ address }) => address.split('/')[0] === ip)?.index }))
    .find(({ index }) => index !== undefined);
  const outer = [...expected.values()].flatMap((way) => {
    if (!('remote' in way) || familyOf(way.remote) !== underlay) {
      return [];
    }
    const { link } = networks.find(({ prefix }) => contains(prefix, parseAddress(way.remote)!))!;
    return links.find(({ index }) => index === link)!.mtu;
  });
  const mtu = Math.min(...outer) - HEADERS[underlay];
  const least = own.podCIDRs.some((cidr) => cidr.includes(':')) ? 1280 : 0;
  const local = source?.ip ?? (underlay === 'ipv6' ? '::' : undefined);
  const ends = own.podCIDRs.map((cidr) => cidr.replace(/\/.*/, cidr.includes(':') ? '/128' : '/32'));
  return [true, Math.max(mtu, least), local, ...ends.sort()];
}

/**
 * Returns the differences of the rules: pods are forwarded after every decision of another program and before a rule
 * that drops everything, and keep their address exactly towards pods of the cluster, by any link.
 */
export function ruleDifferences(
  own: ApiNode,
  nodes: readonly ApiNode[],
  firewall: SimulatedFirewall,
): string[] {
  return families.flatMap((family) => {
    const lines = firewall.lines(family);
    const of = (chain: string): string[] => lines.filter((line) => line.startsWith(`-A ${chain} `));
    const local = own.podCIDRs.filter((cidr) => familyOf(cidr) === family);
    const ours = lines.filter((line) => line.includes('CNIKIT-'));
    if (local.length === 0) {
      return ours.length === 0 ? [] : [`${family}: has ${ours}, without pods`];
    }
    const differences: string[] = [];
    const check = (is: boolean, what: string): void => {
      if (!is) {
        differences.push(`${family}: ${what}`);
      }
    };
    differences.push(...forwardDifferences(family, local, lines));
    const masquerades = of('CNIKIT-MASQ');
    check(
      of('POSTROUTING').at(-1)?.endsWith('-j CNIKIT-POSTROUTING') === true,
      'POSTROUTING does not end with ours',
    );
    const sources = of('CNIKIT-POSTROUTING').map((line) =>
      line.replace(/^-A CNIKIT-POSTROUTING | -m comment --comment ("[^"]*"|\S+)/g, ''),
    );
    const pods = local.map((cidr) => `-s ${cidr} -j CNIKIT-MASQ`);
    check(sources.join() === pods.join(), `masquerades ${sources}, not ${pods}`);
    check(masquerades.at(-1)?.includes('-j MASQUERADE') === true, 'does not masquerade');
    const kept = masquerades.slice(0, -1).flatMap((line) => {
      const [, prefix, set] = /(?:-d (\S+)|--match-set (\S+) dst).*-j RETURN$/.exec(line) ?? [];
      return prefix === undefined ? (firewall.sets.elements({ name: set ?? '' }) ?? ['?']) : [prefix];
    });
    const spared = nodes.flatMap((node) => node.podCIDRs);
    const inside = [...spared.filter((text) => familyOf(text) === family), multicast[family]];
    check(!kept.includes('?') && spans(kept) === spans(inside), `keeps ${kept}, not ${inside}`);
    return differences;
  });
}

/** Returns where the rules of iptables fail to accept the packets of pods, or accept them too early. */
function forwardDifferences(family: string, local: readonly string[], lines: readonly string[]): string[] {
  const differences: string[] = [];
  const of = (chain: string): string[] => lines.filter((line) => line.startsWith(`-A ${chain} `));
  const check = (is: boolean, what: string): void => {
    if (!is) {
      differences.push(`${family}: ${what}`);
    }
  };
  const forward = of('FORWARD').map((line) => line.replace(/ -m comment --comment ("[^"]*"|\S+)/, ''));
  const drops = forward.indexOf('-A FORWARD -j DROP');
  const before = forward.slice(0, drops < 0 ? forward.length : drops);
  const behind = before.slice(before.indexOf('-A FORWARD -j CNIKIT-FORWARD') + 1);
  check(before.includes('-A FORWARD -j CNIKIT-FORWARD'), 'FORWARD drops before ours');
  check(!behind.some((line) => /-j (DROP|KUBE-FORWARD)$/.test(line)), `ours precedes ${behind} in FORWARD`);
  const accepted = of('CNIKIT-FORWARD').map((line) => /-[sd] \S+(?=.*-j ACCEPT$)/.exec(line)?.[0]);
  const wanted = local.flatMap((cidr) => [`-s ${cidr}`, `-d ${cidr}`]);
  check(accepted.join() === wanted.join(), `forwards ${accepted}, not ${wanted}`);
  return differences;
}

/**
 * Returns the differences of the nftables table: it masquerades packets of this node's pods to everything but pods and
 * multicast. iptables has rules only for a family with a chain that drops by default, if the agent may write them.
 */
export function tableDifferences(
  own: ApiNode,
  nodes: readonly ApiNode[],
  firewall: SimulatedFirewall,
  mayAccept: boolean,
): string[] {
  const { table } = firewall;
  if (own.podCIDRs.length === 0) {
    return table === undefined ? [] : ['has an nftables table without pods'];
  }
  if (table === undefined) {
    return ['has no nftables table'];
  }
  const rules = [...table.chains.values()].flatMap((chain) => chain.rules);
  const differences: string[] = [];
  const wanted: string[] = [];
  for (const family of families) {
    const local = own.podCIDRs.filter((cidr) => familyOf(cidr) === family);
    const lines = firewall.lines(family);
    const accepts =
      mayAccept &&
      local.length > 0 &&
      lines.some((line) => /^-A FORWARD .*-j DROP$/.test(line) && !/ -[sd] /.test(line));
    const ours = lines.filter((line) => line.includes('CNIKIT-'));
    if (accepts) {
      differences.push(...forwardDifferences(family, local, lines));
    }
    if (ours.some((line) => !accepts || !line.includes('FORWARD'))) {
      differences.push(`${family}: iptables has ${ours}`);
    }
    if (local.length === 0) {
      continue;
    }
    const digit = family === 'ipv4' ? '4' : '6';
    wanted.push(`pods${digit} source, not inside${digit} destination`);
    const spared = nodes.flatMap((node) => node.podCIDRs).filter((text) => familyOf(text) === family);
    const sets = { pods: local, inside: [...spared, multicast[family]] };
    for (const [name, elements] of Object.entries(sets)) {
      const have = [...(table.sets.get(`${name}${digit}`)?.elements ?? [])];
      if (have.some((text) => text.includes('-')) || spans(have) !== spans(elements)) {
        differences.push(`${family}: set ${name} has ${have}, not ${elements}`);
      }
    }
  }
  const masquerades = rules.map(meaningOf);
  return masquerades.join() === wanted.join()
    ? differences
    : [...differences, `masquerades ${masquerades}, not ${wanted}`];
}

/** Reads a rule in its canonical form: the sets that it looks fields up in, if it then masquerades. */
function meaningOf(rule: string): string {
  if (!rule.startsWith('[')) {
    return rule;
  }
  const expressions = JSON.parse(rule) as Array<{
    name: string;
    offset?: number;
    set?: string;
    flags?: number;
  }>;
  const fields = new Map([
    [12, 'source'],
    [8, 'source'],
    [16, 'destination'],
    [24, 'destination'],
  ]);
  const looks = expressions.flatMap(({ name, set, flags }, i) =>
    name === 'lookup'
      ? [`${flags === 1 ? 'not ' : ''}${set} ${fields.get(expressions[i - 1]?.offset ?? 0)}`]
      : [],
  );
  return expressions.at(-1)?.name === 'masq' ? looks.join(', ') : 'nothing';
}

const multicast = { ipv4: '224.0.0.0/4', ipv6: 'ff00::/8' } as const;

/**
 * Returns the differences of the settings. Those that the agent cannot write must be in the conflist, for the
 * plugin.
 */
export function sysctlDifferences(
  own: ApiNode,
  kernel: KernelState,
  sysctls: SimulatedSysctls,
  conflist: string | undefined,
): string[] {
  const { plugins } = JSON.parse(conflist ?? '{"plugins":[{}]}') as { plugins: [{ hostSysctls?: object }] };
  const left = new Map(Object.entries(plugins[0].hostSysctls ?? {}));
  const wanted: [key: string, value: string][] = [];
  for (const family of families) {
    if (!own.podCIDRs.some((cidr) => familyOf(cidr) === family)) {
      continue;
    }
    const [forwarding, program] =
      family === 'ipv4' ? ['net/ipv4/ip_forward', 'iptables'] : ['net/ipv6/conf/all/forwarding', 'ip6tables'];
    wanted.push([forwarding, '1'], [`net/bridge/bridge-nf-call-${program}`, '1']);
    for (const name of kernel.links.map((link) => link.name).filter((each) => each.startsWith('eth'))) {
      if (family === 'ipv6') {
        wanted.push([`net/ipv6/conf/${name}/accept_ra`, '2']);
      }
    }
    const outside = kernel.routes.find(({ dst }) => dst === '0.0.0.0/0');
    const forwards = kernel.links.filter(
      ({ index, group }) => index === outside?.oif || group === TUNNEL_GROUP,
    );
    if (family === 'ipv4' && sysctls.read(forwarding) === '1') {
      wanted.push(...forwards.map(({ name }): [string, string] => [`net/ipv4/conf/${name}/forwarding`, '1']));
    }
  }
  const differences = wanted.flatMap(([key, value]) => {
    const is = sysctls.read(key);
    // 0 is an operator's word about router advertisements. A link without ARP has no router.
    const noRouter = kernel.links.some(({ name, noArp }) => noArp === true && key.includes(`/${name}/`));
    if (is === undefined || is === value || (key.endsWith('accept_ra') && (is === '0' || noRouter))) {
      return [];
    }
    return left.get(key) === value ? [] : [`sysctl ${key} is ${is}, not ${value}`];
  });
  const tunnels = kernel.links.filter(({ group }) => group === TUNNEL_GROUP);
  for (const { name } of own.podCIDRs.some((cidr) => familyOf(cidr) === 'ipv4') ? tunnels : []) {
    const [one, all] = [name, 'all'].map((link) => sysctls.read(`net/ipv4/conf/${link}/rp_filter`));
    if (Math.max(Number(one), Number(all)) === 1 && sysctls.writable(`net/ipv4/conf/${name}/rp_filter`)) {
      differences.push(`rp_filter of ${name} is strict`);
    }
  }
  return differences;
}

/** Returns the covered addresses as text, equal for equal sets. */
function spans(prefixes: readonly string[]): string {
  const ranges = prefixes
    .map((text) => {
      const { address, length } = parsed(text);
      const value = address.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
      return [value, value + (1n << BigInt(address.length * 8 - length))] as const;
    })
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const merged: [bigint, bigint][] = [];
  for (const [from, to] of ranges) {
    const last = merged.at(-1);
    if (last === undefined || from > last[1]) {
      merged.push([from, to]);
    } else if (to > last[1]) {
      last[1] = to;
    }
  }
  return merged.join(';');
}

const bits = ({ address }: Prefix): string => Buffer.from(address).toString('hex');

/** Cache of parsed prefixes, which never change. */
const prefixes = new Map<string, Prefix>();
function parsed(text: string): Prefix {
  const known = prefixes.get(text);
  if (known !== undefined) {
    return known;
  }
  const prefix = parseNetwork(text)!;
  prefixes.set(text, prefix);
  return prefix;
}
