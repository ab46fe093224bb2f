/** Carries out the steps of a history. Each works in any state, so that a part of a history can be played. */

import { formatPrefix, network, parseNetwork } from '@cnikit/ip';
import type { ApiNode, SimulatedApi } from './api.ts';
import type { Step, StepName } from './history.ts';
import { foreignRoute, type SimulatedKernel } from './kernel.ts';
import type { SimulatedNode } from './node.ts';

export interface Cluster {
  api: SimulatedApi;
  /** Nodes with an agent. */
  nodes: SimulatedNode[];
  subnets: number;
  resyncMs: number;
  /** Number of the next new node, which determines its name, podCIDRs and addresses. */
  next: number;
}

export const nodeName = (n: number): string => `n${n}`;
const hex = (n: number): string => n.toString(16);

/** Dual stack, or one family only. */
export function podCIDRs(n: number, kind = 0): string[] {
  const [four, six] = [`10.${n >> 8}.${n & 255}.0/24`, `fd00:10:${hex(n)}::/64`];
  return [[four, six], [six, four], [four], [six], []][kind % 5]!;
}

/** Consecutive nodes share a subnet. */
const subnetNumber = (n: number, subnets: number): number => (n >> 2) % subnets;

/** The subnet of a node: of one family each a network, which its nodes have on eth0. */
function subnetOf(n: number, subnets: number): { four: number; six: string } {
  const at = subnetNumber(n, subnets);
  return { four: 20 + at, six: `2001:db8:${at === 0 ? '' : hex(at)}:` };
}

/** On the network of eth0 of every node of its subnet. */
export function internalIPs(n: number, subnets: number): string[] {
  const { four, six } = subnetOf(n, subnets);
  return [`172.${four}.${n >> 8}.${n & 255}`, `${six}:${hex(n)}`.replace(':::', '::')];
}

/** Addresses of both families, in either order, or of one. */
const ofKind = ([four, six]: string[], kind: number): string[] =>
  [[four!, six!], [six!, four!], [four!], [six!]][kind % 4]!;

/** Sets up eth0 as an installer would, and ends all faults of the link. */
export function setUpLink(kernel: SimulatedKernel, n: number, subnets: number): void {
  const link = kernel.link('eth0') ?? kernel.addLink('eth0');
  kernel.setUp(link, true);
  const [four, six] = internalIPs(n, subnets);
  kernel.addAddress(link, `${four}/16`);
  kernel.addAddress(link, `${six}/64`);
  addDefaultRoutes(kernel, n, subnets);
}

function addDefaultRoutes(kernel: SimulatedKernel, n: number, subnets: number): void {
  const oif = kernel.link('eth0')!.index;
  for (const dst of ['0.0.0.0/0', '::/0']) {
    kernel.putRoute(foreignRoute(dst, routerOf(dst, n, subnets), oif, 'boot'), 'create');
  }
}

/** Carries out a step. Returns the destinations with routes that other programs changed. */
export function play(cluster: Cluster, { what, a, b, c }: Step): string[] {
  const node = cluster.nodes[a % cluster.nodes.length]!;
  const touched: string[] = [];
  steps[what]({ cluster, api: cluster.api, node, kernel: node.kernel, a, b, c, touched });
  return touched;
}

interface Situation {
  cluster: Cluster;
  api: SimulatedApi;
  /** A node with an agent. */
  node: SimulatedNode;
  kernel: SimulatedKernel;
  a: number;
  b: number;
  c: number;
  touched: string[];
}

/** A node of the API without an agent. */
function other({ api, cluster, b }: Situation): ApiNode | undefined {
  const others = [...api.nodes()].filter(({ name }) => !cluster.nodes.some((node) => node.name === name));
  return others[b % Math.max(1, others.length)];
}

function change(one: ApiNode | undefined, api: SimulatedApi, changes: Partial<ApiNode>): void {
  if (one === undefined) {
    return;
  }
  const { name, podCIDRs, internalIPs, networkUnavailable } = one;
  api.put({ name, podCIDRs, internalIPs, ...(networkUnavailable && { networkUnavailable }), ...changes });
}

function addNode({ cluster, api, b, c }: Situation): void {
  const n = cluster.next++;
  api.put({
    name: nodeName(n),
    podCIDRs: podCIDRs(n, b),
    internalIPs: ofKind(internalIPs(n, cluster.subnets), b % 11 === 0 ? c : 0),
    ...(c % 3 === 0 && { networkUnavailable: 'True' as const }),
  });
}

/** A podCIDR of any node. */
function claimed({ api, b, c }: Situation): string | undefined {
  const cidrs = api.pick(b)?.podCIDRs ?? [];
  return cidrs[c % Math.max(1, cidrs.length)];
}

function routerOf(dst: string, n: number, subnets: number): string {
  const { four, six } = subnetOf(n, subnets);
  return dst.includes(':') ? `${six}:fffe`.replace(':::', '::') : `172.${four}.255.254`;
}

/** The router of the node's own subnet. */
const gateway = ({ node, cluster }: Situation, dst: string): string =>
  routerOf(dst, numberOf(node), cluster.subnets);

const family = (b: number) => (['ipv4', 'ipv6'] as const)[b % 2]!;
const eth0 = ({ kernel }: Situation) => kernel.link('eth0')!;

/** One of the agent's tunnel links. */
function tunnel({ kernel, a }: Situation) {
  const links = kernel.links.filter(({ alias }) => alias !== undefined);
  return links[a % Math.max(1, links.length)];
}

/** Everything on a tunnel may have to be recreated. */
function touchTunnel({ kernel, touched }: Pick<Situation, 'kernel' | 'touched'>): void {
  touched.push('tunnel', ...[...kernel.own()].map(({ dst }) => dst));
  touched.push(...kernel.neighbours.map(({ address }) => address));
}

function entryOf({ kernel, b }: Situation) {
  const entries = kernel.state().neighbours!;
  return entries[b % Math.max(1, entries.length)];
}

function ownRoute({ kernel, b }: Situation) {
  const own = [...kernel.own()];
  return own[b % Math.max(1, own.length)];
}

const steps: Record<StepName, (situation: Situation) => void> = {
  'add node': addNode,
  'remove node': (s) => {
    const one = other(s);
    if (one !== undefined) {
      s.api.delete(one.name);
    }
  },
  'change podCIDRs': (s) => change(other(s), s.api, { podCIDRs: podCIDRs(s.cluster.next++, s.c) }),
  'change InternalIPs': (s) =>
    change(other(s), s.api, { internalIPs: internalIPs(s.cluster.next++, s.cluster.subnets) }),
  'replace node': (s) => {
    const one = other(s);
    if (one === undefined) {
      return;
    }
    s.api.delete(one.name);
    const n = s.cluster.next++;
    s.api.put({
      name: one.name,
      podCIDRs: s.c % 2 ? one.podCIDRs : podCIDRs(n, s.c),
      internalIPs: s.c % 3 ? internalIPs(n, s.cluster.subnets) : one.internalIPs,
    });
  },
  'claim the podCIDRs of another': (s) => {
    const from = s.api.pick(s.c);
    if (from !== undefined) {
      change(other(s), s.api, { podCIDRs: from.podCIDRs });
    }
  },
  'take the InternalIPs of another': (s) => {
    const from = s.api.pick(s.c);
    if (from !== undefined) {
      change(other(s), s.api, { internalIPs: from.internalIPs });
    }
  },
  'move off the link': (s) => {
    const far = s.c % 2 ? ['192.0.2.7', '2001:db8:7::7'] : [`192.168.7.${2 + (s.c % 200)}`];
    change(other(s), s.api, { internalIPs: far });
  },
  'exchange podCIDRs': (s) => {
    const [one, two] = [other(s), s.api.pick(s.c)];
    if (one === undefined || two === undefined || one.name === two.name) {
      return;
    }
    change(one, s.api, { podCIDRs: two.podCIDRs });
    change(two, s.api, { podCIDRs: one.podCIDRs });
  },
  'claim a part of the podCIDRs of another': (s) => {
    const from = s.api.pick(s.c);
    const part = from?.podCIDRs.map((cidr) => cidr.replace('/24', '/26').replace('/64', '/80'));
    if (part !== undefined) {
      change(other(s), s.api, { podCIDRs: part });
    }
  },
  'claim more than the podCIDRs of another': (s) => {
    const from = s.api.pick(s.c);
    const more = from?.podCIDRs.flatMap((cidr) => {
      const prefix = parseNetwork(cidr)!;
      return prefix.length < 24 ? [] : [formatPrefix(network(prefix.address, prefix.length - (s.b % 3) - 1))];
    });
    if (more !== undefined) {
      change(other(s), s.api, { podCIDRs: more });
    }
  },
  'change family of InternalIPs': (s) => {
    const one = other(s);
    const kind = ofKind(internalIPs(s.cluster.next++, s.cluster.subnets), s.c);
    change(one, s.api, { internalIPs: kind });
  },
  // The node itself has another address and publishes it.
  renumber: ({ api, node, cluster, kernel, c, touched }) => {
    const own = api.get(node.name);
    if (own === undefined) {
      return;
    }
    // Stay in the subnet that the node is connected to.
    const { subnets } = cluster;
    let n = cluster.next;
    while (subnetNumber(n, subnets) !== subnetNumber(numberOf(node), subnets)) {
      n++;
    }
    cluster.next = n + 1;
    const kind = ofKind(internalIPs(n, cluster.subnets), c);
    for (const address of kind) {
      kernel.addAddress(kernel.link('eth0')!, `${address}/${address.includes(':') ? 64 : 16}`);
    }
    // The source of a tunnel's packets is given when its link is made.
    touchTunnel({ kernel, touched });
    change(own, api, { internalIPs: kind });
  },
  'lose podCIDRs': (s) => change(other(s), s.api, { podCIDRs: [] }),
  'remove own node': ({ api, node }) => api.delete(node.name),
  'change own podCIDRs': ({ api, node, cluster, c }) =>
    change(api.get(node.name), api, { podCIDRs: podCIDRs(cluster.next++, c) }),
  'add many nodes': (s) => {
    for (let more = s.c % 30; more > 0; more--) {
      addNode({ ...s, b: s.b + more });
    }
  },
  'remove many nodes': (s) => {
    for (let more = s.c % 30; more > 0; more--) {
      steps['remove node']({ ...s, b: s.b + more });
    }
  },

  'API goes': ({ api, b }) => {
    api.away = true;
    if (b % 2) {
      api.cut();
    }
  },
  'API returns': ({ api }) => {
    api.away = false;
    api.mute = false;
  },
  'API falls silent': ({ api }) => {
    api.mute = true;
  },
  'cut watches': ({ api }) => api.cut(),
  'stall watches': ({ api }) => api.stall(),
  compact: ({ api }) => api.compact(),
  'refuse requests': ({ api, b, c }) => {
    const status = [401, 403, 410, 429, 500, 503][b % 6]!;
    for (let more = 1 + (c % 3); more > 0; more--) {
      api.failures.push({ status, ...(status === 429 && { retryAfter: String(c % 20) }) });
    }
  },
  'send garbage': ({ api }) => void api.garbage++,
  'send halves': ({ api }) => void api.halves++,
  'send twice': ({ api }) => {
    api.twice = !api.twice;
  },
  replay: ({ api, c }) => {
    api.replay = c % 10;
  },
  lag: ({ api, c }) => {
    api.lag = c % 8;
  },
  heartbeats: ({ api }) => {
    for (const { name } of [...api.nodes()].slice(0, 200)) {
      api.heartbeat(name);
    }
  },

  kill: ({ node }) => node.kill(),
  'kill in a write': ({ node, c }) => node.killIn(c % 5),
  start: ({ node, c }) => node.start({ anotherFilter: c % 3 === 0, anotherLayout: c % 4 === 0 }),
  'forget state': ({ node }) => node.forget(),
  reboot: (s) => {
    const { node, kernel } = s;
    node.kill();
    steps['flush own routes'](s);
    for (const { alias, name } of [...kernel.links]) {
      if (alias !== undefined) {
        kernel.deleteLink(kernel.link(name)!);
      }
    }
    node.forget();
    node.firewall.flush();
    node.start();
  },

  'delete own route': (s) => {
    const route = ownRoute(s);
    if (route === undefined) {
      return;
    }
    s.kernel.deleteRoute(route);
    s.touched.push(route.dst);
  },
  'flush own routes': ({ kernel, touched }) => {
    for (const route of [...kernel.own()]) {
      kernel.deleteRoute(route);
      touched.push(route.dst);
    }
  },
  'change own route': (s) => {
    const route = ownRoute(s);
    if (route === undefined) {
      return;
    }
    const via = gateway(s, route.dst);
    s.kernel.putRoute({ ...route, type: 'unicast', via, oif: eth0(s).index }, 'replace');
    s.touched.push(route.dst);
  },
  'add own route': (s) => {
    const dst = (s.c % 2 && claimed(s)) || `10.250.${s.c % 256}.0/24`;
    s.kernel.putRoute(
      foreignRoute(dst, gateway(s, dst), eth0(s).index, 201, s.c % 3 ? 77 : undefined),
      'create',
    );
    s.touched.push(dst);
  },
  'foreign route in the way': (s) => {
    const dst = claimed(s);
    if (dst === undefined) {
      return;
    }
    s.kernel.putRoute(
      foreignRoute(dst, gateway(s, dst), eth0(s).index, 'static', s.a % 2 ? 50 : undefined),
      'create',
    );
    s.touched.push(dst);
  },
  'foreign route in place': (s) => {
    const route = ownRoute(s);
    if (route === undefined) {
      return;
    }
    const via = gateway(s, route.dst);
    const foreign = { ...route, type: 'unicast', via, oif: eth0(s).index, protocol: 'static' } as const;
    s.kernel.putRoute(foreign, 'replace');
    s.touched.push(route.dst);
  },
  'foreign route goes': ({ kernel, b, touched }) => {
    const foreign = kernel.state().routes.filter(({ protocol }) => protocol === 'static');
    const route = foreign[b % Math.max(1, foreign.length)];
    if (route === undefined) {
      return;
    }
    kernel.deleteRoute(route);
    touched.push(route.dst);
  },
  'foreign route elsewhere': (s) => {
    const dst = `198.18.${s.c % 256}.0/24`;
    s.kernel.putRoute(foreignRoute(dst, gateway(s, dst), eth0(s).index), 'create');
  },
  'link down': ({ kernel }) => kernel.setUp(kernel.link('eth0')!, false),
  'link up': (s) => {
    if (s.c % 3) {
      setUpLink(s.kernel, numberOf(s.node), s.cluster.subnets);
    } else {
      s.kernel.setUp(eth0(s), true);
    }
  },
  'address goes': ({ kernel, node, cluster, c }) => {
    const [four, six] = internalIPs(numberOf(node), cluster.subnets);
    kernel.deleteAddress(kernel.link('eth0')!, c % 2 ? `${four}/16` : `${six}/64`);
  },
  'address returns': ({ kernel, node, cluster }) => setUpLink(kernel, numberOf(node), cluster.subnets),
  'second network': ({ kernel, c }) => {
    const link = kernel.link('eth1') ?? kernel.addLink('eth1');
    kernel.setUp(link, c % 3 !== 0);
    kernel.addAddress(link, '192.168.7.1/24');
  },
  MTU: ({ kernel, c }) => kernel.setMtu(kernel.link('eth0')!, [1500, 1400, 1290][c % 3]!),
  'link layer': ({ kernel, c }) => kernel.setArp(kernel.link('eth0')!, c % 2 === 0),
  'InternalIP on loopback': ({ kernel, node, cluster, c }) => {
    const [four] = internalIPs(numberOf(node), cluster.subnets);
    const [loopback] = kernel.links;
    kernel.setUp(loopback!, true);
    if (c % 2 === 0) {
      kernel.addAddress(loopback!, `${four}/32`);
    } else {
      kernel.deleteAddress(loopback!, `${four}/32`);
    }
  },
  'default route goes': ({ kernel, c }) =>
    void kernel.deleteRoute({ dst: c % 2 ? '0.0.0.0/0' : '::/0', protocol: 'boot' }),
  'default route returns': ({ kernel, node, cluster }) =>
    addDefaultRoutes(kernel, numberOf(node), cluster.subnets),
  'flush rules': ({ node, b, c }) => {
    const [table, chain] = (
      [
        ['filter', 'FORWARD'],
        ['nat', 'POSTROUTING'],
        ['nat', 'CNIKIT-MASQ'],
      ] as const
    )[c % 3]!;
    node.firewall.edit(family(b), `*${table}\n-F ${chain}\nCOMMIT\n`, c % 2 ? 'rules' : 'elements');
  },
  'rule before ours': ({ node, b, c }) => {
    const rule =
      c % 2
        ? '-I FORWARD 1 -m comment --comment other -j DROP'
        : '-A FORWARD -m comment --comment last -j DROP';
    node.firewall.edit(family(b), `*filter\n${rule}\nCOMMIT\n`);
  },
  'bend a rule': ({ node, b, c }) => {
    const chain = ['CNIKIT-FORWARD', 'CNIKIT-FORWARD', 'CNIKIT-MASQ', 'CNIKIT-POSTROUTING'][c % 4]!;
    const how = c % 3 ? `-R ${chain} 1 -m comment --comment bent -j RETURN` : `-D ${chain} 1`;
    node.firewall.edit(family(b), `*${c % 4 < 2 ? 'filter' : 'nat'}\n${how}\nCOMMIT\n`, 'rules');
  },
  'delete own chains': ({ node, b }) => {
    const chains = ['POSTROUTING', 'CNIKIT-POSTROUTING', 'CNIKIT-MASQ'].map((chain) => `-F ${chain}`);
    node.firewall.edit(
      family(b),
      `*nat\n${chains.join('\n')}\n-X CNIKIT-POSTROUTING\n-X CNIKIT-MASQ\nCOMMIT\n`,
      'table',
    );
  },
  'rules of others': ({ node, b, c }) => {
    const end = c % 2 ? '-j DROP' : '-j MASQUERADE';
    const chain = c % 2 ? 'FORWARD' : 'POSTROUTING';
    const rule = `-A ${chain} -s 198.51.100.${c % 256}/32 ${end}`.replace(
      '198.51.100.',
      b % 2 ? '2001:db8:9::' : '198.51.100.',
    );
    const text = b % 2 ? rule.replace('/32', '/128') : rule;
    node.firewall.edit(family(b), `*${c % 2 ? 'filter' : 'nat'}\n${text}\nCOMMIT\n`);
  },
  'sets drift': ({ node, cluster }) => {
    // No event reports a change of sets either.
    node.firewall.spoilSets(cluster.resyncMs <= 60_000);
  },
  'sysctl drifts': ({ node, cluster, b, c }) => {
    // No event reports this: only the resync finds it.
    if (cluster.resyncMs > 60_000) {
      return;
    }
    const keys = [
      'net/ipv4/ip_forward',
      'net/ipv6/conf/all/forwarding',
      'net/bridge/bridge-nf-call-iptables',
      'net/ipv6/conf/eth0/accept_ra',
      'net/ipv6/conf/eth1/accept_ra',
      'net/ipv4/conf/eth0/forwarding',
      'net/ipv4/conf/eth0/rp_filter',
      'net/ipv4/conf/all/rp_filter',
      'net/ipv4/conf/cnikit-vx/rp_filter',
    ];
    const key = keys[b % keys.length]!;
    if (key.includes('bridge')) {
      node.sysctls.loadBridgeFilter();
    }
    if (node.sysctls.read(key) !== undefined) {
      node.sysctls.set(key, String(c % 3));
    }
  },
  'tunnel goes': (s) => {
    const link = tunnel(s);
    if (link === undefined) {
      return;
    }
    touchTunnel(s);
    s.kernel.deleteLink(link);
  },
  'tunnel changes': (s) => {
    const link = tunnel(s);
    if (link === undefined) {
      return;
    }
    touchTunnel(s);
    const { kernel, c } = s;
    if (c % 4 === 0) {
      kernel.setUp(link, false);
    } else if (c % 4 === 1) {
      kernel.setMtu(link, 1280 + (c % 200));
    } else if (c % 4 === 2) {
      kernel.setMac(link, '02:00:00:00:00:99');
    } else {
      const [one] = kernel.addresses.filter(({ index }) => index === link.index);
      if (one !== undefined && c % 3) {
        kernel.deleteAddress(link, one.address);
      } else {
        kernel.addAddress(link, '198.51.100.9/32');
      }
    }
  },
  'entry of the tunnel goes': (s) => {
    const entry = entryOf(s);
    if (entry === undefined) {
      return;
    }
    s.touched.push(entry.address);
    s.kernel.deleteNeighbour(entry);
  },
  'entry of the tunnel changes': (s) => {
    const entry = entryOf(s);
    if (entry === undefined) {
      return;
    }
    s.touched.push(entry.address);
    const other = entry.address.includes(':') ? '2001:db8:66::66' : '203.0.113.66';
    s.kernel.putNeighbour({
      ...entry,
      ...(entry.table === 'fdb' ? { address: other } : { mac: '02:00:00:00:00:66' }),
    });
  },
  'entry too much': (s) => {
    const link = tunnel(s);
    if (link === undefined) {
      return;
    }
    const six = link.name.endsWith('6');
    const address = s.c % 2 ? (six ? '2001:db8:66::67' : '203.0.113.67') : '10.77.0.0';
    s.touched.push(address);
    s.kernel.putNeighbour({
      table: s.c % 2 ? 'fdb' : 'neighbour',
      index: link.index,
      mac: '02:00:00:00:00:67',
      address,
    });
  },
  'link in the way': (s) => {
    const spec =
      s.c % 2
        ? {
            name: ['cnikit-vx', 'cnikit-vx6'][(s.c >> 1) % 2]!,
            ...(s.c % 8 < 4 && { mac: '02:00:00:00:00:02', vxlan: { id: 7, port: 4789, learning: true } }),
          }
        : {
            name: 'other0',
            mac: '02:00:00:00:00:01',
            vxlan: { id: 201, port: s.c % 4 ? 4789 : 8472, learning: true, local: '198.51.100.1' },
          };
    if (s.b % 3 === 0) {
      steps['tunnel goes'](s);
    }
    try {
      const { name, ...rest } = spec;
      s.kernel.addLink(name, rest);
    } catch {
      // The existing link stays.
    }
  },
  'link in the way goes': ({ kernel }) => {
    const link = kernel.links.find(({ name, alias }) => alias === undefined && /^(other|cnikit)/.test(name));
    if (link !== undefined) {
      kernel.deleteLink(link);
    }
  },
  'remove conflist': ({ node }) => node.removeConflist(),
  'lose events': (s) => {
    // Make sure that a lost event matters.
    steps['delete own route'](s);
    s.node.loseEvents();
  },
  'refuse next hop': (s) => {
    const [four, six] = s.api.pick(s.c)?.internalIPs ?? [];
    const via = s.b % 2 ? four : six;
    if (via !== undefined) {
      s.kernel.refusing.set(via, ['ENETUNREACH', 'EPERM', 'ENOBUFS'][s.c % 3]!);
    }
  },
  'accept next hops': ({ kernel }) => kernel.refusing.clear(),
  'kernel breaks': ({ kernel }) => {
    kernel.broken = 'ENOBUFS, says the model';
  },
  'kernel works': ({ kernel }) => {
    kernel.broken = undefined;
  },
  'rules break': ({ node }) => {
    node.firewall.broken = true;
  },
  'rules work': ({ node }) => {
    node.firewall.broken = false;
  },
};

export const numberOf = (node: SimulatedNode): number => Number(node.name.slice(1));
