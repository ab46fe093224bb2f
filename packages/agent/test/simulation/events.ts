/** The steps of a history, done. Each works in any state, so that a history can be played in part. */
import type { ApiNode, SimulatedApi } from './api.ts';
import type { Step, StepName } from './history.ts';
import { foreignRoute, type SimulatedKernel } from './kernel.ts';
import type { SimulatedNode } from './node.ts';

export interface Cluster {
  api: SimulatedApi;
  /** Where the agent runs. */
  nodes: SimulatedNode[];
  resyncMs: number;
  /** Number of the next new node: names, podCIDRs and addresses follow from it. */
  next: number;
}

export const nodeName = (n: number): string => `n${n}`;
const hex = (n: number): string => n.toString(16);

/** Dual stack, or one family only. */
export function podCIDRs(n: number, kind = 0): string[] {
  const [four, six] = [`10.${n >> 8}.${n & 255}.0/24`, `fd00:10:${hex(n)}::/64`];
  return [[four, six], [six, four], [four], [six], []][kind % 5]!;
}

/** On the network of every node's eth0. */
export function internalIPs(n: number): string[] {
  return [`172.20.${n >> 8}.${n & 255}`, `2001:db8::${hex(n)}`];
}

/** eth0 as an installer would leave it. Also what ends all trouble of a link. */
export function setUpLink(kernel: SimulatedKernel, n: number): void {
  const link = kernel.link('eth0') ?? kernel.addLink('eth0');
  kernel.setUp(link, true);
  const [four, six] = internalIPs(n);
  kernel.addAddress(link, `${four}/16`);
  kernel.addAddress(link, `${six}/64`);
  addDefaultRoutes(kernel);
}

function addDefaultRoutes(kernel: SimulatedKernel): void {
  const oif = kernel.link('eth0')!.index;
  kernel.putRoute(foreignRoute('0.0.0.0/0', '172.20.255.254', oif, 3), 'create');
  kernel.putRoute(foreignRoute('::/0', '2001:db8::fffe', oif, 3), 'create');
}

/** Does one step; returns the destinations whose routes others have changed. */
export function play(cluster: Cluster, { what, a, b, c }: Step): string[] {
  const node = cluster.nodes[a % cluster.nodes.length]!;
  const touched: string[] = [];
  steps[what]({ cluster, api: cluster.api, node, kernel: node.kernel, a, b, c, touched });
  return touched;
}

interface Situation {
  cluster: Cluster;
  api: SimulatedApi;
  /** One of those where the agent runs. */
  node: SimulatedNode;
  kernel: SimulatedKernel;
  a: number;
  b: number;
  c: number;
  touched: string[];
}

/** A node of the API at which no agent of the simulation runs. */
function other({ api, cluster, b }: Situation): ApiNode | undefined {
  const others = [...api.nodes()].filter(({ name }) => !cluster.nodes.some((node) => node.name === name));
  return others[b % Math.max(1, others.length)];
}

function change(one: ApiNode | undefined, api: SimulatedApi, changes: Partial<ApiNode>): void {
  if (one === undefined) return;
  const { name, podCIDRs, internalIPs, networkUnavailable } = one;
  api.put({ name, podCIDRs, internalIPs, ...(networkUnavailable && { networkUnavailable }), ...changes });
}

function addNode({ cluster, api, b, c }: Situation): void {
  const n = cluster.next++;
  api.put({
    name: nodeName(n),
    podCIDRs: podCIDRs(n, b),
    internalIPs: internalIPs(n),
    ...(c % 3 === 0 && { networkUnavailable: 'True' as const }),
  });
}

/** A destination that some node claims. */
function claimed({ api, b, c }: Situation): string | undefined {
  const cidrs = api.pick(b)?.podCIDRs ?? [];
  return cidrs[c % Math.max(1, cidrs.length)];
}

const gateway = (dst: string): string => (dst.includes(':') ? '2001:db8::fffe' : '172.20.255.254');

function ownRoute({ kernel, b }: Situation) {
  const own = [...kernel.own()];
  return own[b % Math.max(1, own.length)];
}

const steps: Record<StepName, (situation: Situation) => void> = {
  'add node': addNode,
  'remove node': (s) => {
    const one = other(s);
    if (one !== undefined) s.api.delete(one.name);
  },
  'change podCIDRs': (s) => change(other(s), s.api, { podCIDRs: podCIDRs(s.cluster.next++, s.c) }),
  'change InternalIPs': (s) => change(other(s), s.api, { internalIPs: internalIPs(s.cluster.next++) }),
  'replace node': (s) => {
    const one = other(s);
    if (one === undefined) return;
    s.api.delete(one.name);
    const n = s.cluster.next++;
    s.api.put({
      name: one.name,
      podCIDRs: s.c % 2 ? one.podCIDRs : podCIDRs(n, s.c),
      internalIPs: s.c % 3 ? internalIPs(n) : one.internalIPs,
    });
  },
  'claim the podCIDRs of another': (s) => {
    const from = s.api.pick(s.c);
    if (from !== undefined) change(other(s), s.api, { podCIDRs: from.podCIDRs });
  },
  'take the InternalIPs of another': (s) => {
    const from = s.api.pick(s.c);
    if (from !== undefined) change(other(s), s.api, { internalIPs: from.internalIPs });
  },
  'move off the link': (s) => {
    const far = s.c % 2 ? ['192.0.2.7', '2001:db8:7::7'] : [`192.168.7.${2 + (s.c % 200)}`];
    change(other(s), s.api, { internalIPs: far });
  },
  'exchange podCIDRs': (s) => {
    const [one, two] = [other(s), s.api.pick(s.c)];
    if (one === undefined || two === undefined || one.name === two.name) return;
    change(one, s.api, { podCIDRs: two.podCIDRs });
    change(two, s.api, { podCIDRs: one.podCIDRs });
  },
  'lose podCIDRs': (s) => change(other(s), s.api, { podCIDRs: [] }),
  'remove own node': ({ api, node }) => api.delete(node.name),
  'change own podCIDRs': ({ api, node, cluster, c }) =>
    change(api.get(node.name), api, { podCIDRs: podCIDRs(cluster.next++, c) }),
  'add many nodes': (s) => {
    for (let more = s.c % 30; more > 0; more--) addNode({ ...s, b: s.b + more });
  },
  'remove many nodes': (s) => {
    for (let more = s.c % 30; more > 0; more--) steps['remove node']({ ...s, b: s.b + more });
  },

  'API goes': ({ api, b }) => {
    api.away = true;
    if (b % 2) api.cut();
  },
  'API returns': ({ api }) => {
    api.away = api.mute = false;
  },
  'API falls silent': ({ api }) => {
    api.mute = true;
  },
  'cut watches': ({ api }) => api.cut(),
  'stall watches': ({ api }) => api.stall(),
  compact: ({ api }) => api.compact(),
  'refuse requests': ({ api, b, c }) => {
    const status = [401, 403, 410, 429, 500, 503][b % 6]!;
    for (let more = 1 + (c % 3); more > 0; more--)
      api.failures.push({ status, ...(status === 429 && { retryAfter: String(c % 20) }) });
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
    for (const { name } of [...api.nodes()].slice(0, 200)) api.heartbeat(name);
  },

  kill: ({ node }) => node.kill(),
  'kill in a write': ({ node, c }) => node.killIn(c % 5),
  start: ({ node }) => node.start(),
  'forget state': ({ node }) => node.forget(),
  reboot: ({ node, kernel, touched }) => {
    node.kill();
    for (const route of [...kernel.own()]) {
      kernel.deleteRoute(route);
      touched.push(route.dst);
    }
    node.forget();
    node.flushRules();
    node.start();
  },

  'delete own route': (s) => {
    const route = ownRoute(s);
    if (route === undefined) return;
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
    if (route === undefined) return;
    s.kernel.putRoute({ ...route, via: gateway(route.dst) }, 'replace');
    s.touched.push(route.dst);
  },
  'add own route': (s) => {
    const dst = (s.c % 2 && claimed(s)) || `10.250.${s.c % 256}.0/24`;
    s.kernel.putRoute(
      foreignRoute(dst, gateway(dst), s.kernel.link('eth0')!.index, 201, s.c % 3 ? 77 : undefined),
      'create',
    );
    s.touched.push(dst);
  },
  'foreign route in the way': (s) => {
    const dst = claimed(s);
    if (dst === undefined) return;
    s.kernel.putRoute(
      foreignRoute(dst, gateway(dst), s.kernel.link('eth0')!.index, 4, s.a % 2 ? 50 : undefined),
      'create',
    );
    s.touched.push(dst);
  },
  'foreign route in place': (s) => {
    const route = ownRoute(s);
    if (route === undefined) return;
    s.kernel.putRoute({ ...route, via: gateway(route.dst), protocol: 4 }, 'replace');
    s.touched.push(route.dst);
  },
  'foreign route goes': ({ kernel, b, touched }) => {
    const foreign = kernel.state().routes.filter(({ protocol }) => protocol === 4);
    const route = foreign[b % Math.max(1, foreign.length)];
    if (route === undefined) return;
    kernel.deleteRoute(route);
    touched.push(route.dst);
  },
  'foreign route elsewhere': ({ kernel, c }) => {
    const dst = `198.18.${c % 256}.0/24`;
    kernel.putRoute(foreignRoute(dst, gateway(dst), kernel.link('eth0')!.index), 'create');
  },
  'link down': ({ kernel }) => kernel.setUp(kernel.link('eth0')!, false),
  'link up': ({ kernel, node, c }) => {
    if (c % 3) setUpLink(kernel, numberOf(node));
    else kernel.setUp(kernel.link('eth0')!, true);
  },
  'address goes': ({ kernel, node, c }) => {
    const [four, six] = internalIPs(numberOf(node));
    kernel.deleteAddress(kernel.link('eth0')!, c % 2 ? `${four}/16` : `${six}/64`);
  },
  'address returns': ({ kernel, node }) => setUpLink(kernel, numberOf(node)),
  'second network': ({ kernel, c }) => {
    const link = kernel.link('eth1') ?? kernel.addLink('eth1');
    kernel.setUp(link, c % 3 !== 0);
    kernel.addAddress(link, '192.168.7.1/24');
  },
  MTU: ({ kernel, c }) => kernel.setMtu(kernel.link('eth0')!, c % 2 ? 1400 : 1500),
  'default route goes': ({ kernel, c }) =>
    void kernel.deleteRoute({ dst: c % 2 ? '0.0.0.0/0' : '::/0', protocol: 3 }),
  'default route returns': ({ kernel }) => addDefaultRoutes(kernel),
  'flush rules': ({ node, cluster }) => {
    // Nothing tells of it: only the resync finds it.
    if (cluster.resyncMs <= 60_000) node.flushRules();
  },
  'remove conflist': ({ node }) => node.removeConflist(),
  'lose events': (s) => {
    // What was lost is worth something.
    steps['delete own route'](s);
    s.node.loseEvents();
  },
  'refuse next hop': (s) => {
    const [four, six] = s.api.pick(s.c)?.internalIPs ?? [];
    const via = s.b % 2 ? four : six;
    if (via !== undefined) s.kernel.refusing.set(via, ['ENETUNREACH', 'EPERM', 'ENOBUFS'][s.c % 3]!);
  },
  'accept next hops': ({ kernel }) => kernel.refusing.clear(),
  'kernel breaks': ({ kernel }) => {
    kernel.broken = 'ENOBUFS, says the model';
  },
  'kernel works': ({ kernel }) => {
    kernel.broken = undefined;
  },
  'rules break': ({ node }) => {
    node.rulesBroken = true;
  },
  'rules work': ({ node }) => {
    node.rulesBroken = false;
  },
};

export const numberOf = (node: SimulatedNode): number => Number(node.name.slice(1));
