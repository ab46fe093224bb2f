/** The history of a cluster: a value that follows from a seed and can be replayed, in part too. */
import type { PacketFilterMode } from '../../src/core/backend.ts';
import type { Encap, Layout } from '../../src/core/model.ts';
import { Random } from './random.ts';

/** A step. `a`, `b` and `c` select its targets and variants. */
export interface Step {
  /** Milliseconds without events before it. */
  waitMs: number;
  what: StepName;
  a: number;
  b: number;
  c: number;
}

/** `control-plane`: only the API and the agents' processes fail, so no route may be changed. */
export type Profile = 'anything' | 'control-plane';

export interface History {
  seed: number;
  profile: Profile;
  nodes: number;
  /** Number of subnets with routers between them. Nodes are spread over them in turn. */
  subnets: number;
  encap: Encap;
  /** /proc/sys is read-only, as in an unprivileged container: settings are left to the plugin. */
  readOnlySysctls: boolean;
  /** Back end of the packet filter at the agents' first start. */
  packetFilter: PacketFilterMode;
  /** The kernel can hold the nftables table. */
  nftables: boolean;
  /** The kernel has sets of addresses. */
  sets: boolean;
  /** Rules can match them: the kernel has xt_set. */
  matchesSets: boolean;
  /** Layout of pods at the agents' first start. */
  layout: Layout;
  /** Number of nodes with an agent. */
  agents: number;
  /** Milliseconds between two complete passes of an agent. A long interval hides no missed event. */
  resyncMs: number;
  steps: Step[];
}

const churn = [
  [12, 'add node'],
  [8, 'remove node'],
  [6, 'change podCIDRs'],
  [6, 'change InternalIPs'],
  [4, 'replace node'],
  [4, 'claim the podCIDRs of another'],
  [3, 'take the InternalIPs of another'],
  [3, 'move off the link'],
  [3, 'exchange podCIDRs'],
  [3, 'claim a part of the podCIDRs of another'],
  [2, 'claim more than the podCIDRs of another'],
  [3, 'change family of InternalIPs'],
  [2, 'renumber'],
  [3, 'lose podCIDRs'],
  [2, 'remove own node'],
  [2, 'change own podCIDRs'],
  [4, 'add many nodes'],
  [2, 'remove many nodes'],
] as const;

const apiFaults = [
  [4, 'API goes'],
  [6, 'API returns'],
  [2, 'API falls silent'],
  [5, 'cut watches'],
  [3, 'stall watches'],
  [4, 'compact'],
  [3, 'refuse requests'],
  [2, 'send garbage'],
  [2, 'send halves'],
  [2, 'send twice'],
  [2, 'replay'],
  [2, 'lag'],
  [6, 'heartbeats'],
] as const;

const processes = [
  [4, 'kill'],
  [2, 'kill in a write'],
  [7, 'start'],
] as const;

const drift = [
  [5, 'delete own route'],
  [2, 'flush own routes'],
  [3, 'change own route'],
  [2, 'add own route'],
  [4, 'foreign route in the way'],
  [3, 'foreign route in place'],
  [3, 'foreign route goes'],
  [2, 'foreign route elsewhere'],
  [3, 'link down'],
  [4, 'link up'],
  [2, 'address goes'],
  [3, 'address returns'],
  [2, 'second network'],
  [1, 'MTU'],
  [1, 'link layer'],
  [1, 'InternalIP on loopback'],
  [1, 'default route goes'],
  [2, 'default route returns'],
  [2, 'flush rules'],
  [2, 'rule before ours'],
  [2, 'bend a rule'],
  [2, 'delete own chains'],
  [2, 'rules of others'],
  [2, 'sysctl drifts'],
  [2, 'sets drift'],
  [3, 'tunnel goes'],
  [3, 'tunnel changes'],
  [4, 'entry of the tunnel goes'],
  [3, 'entry of the tunnel changes'],
  [2, 'entry too much'],
  [4, 'link in the way'],
  [3, 'link in the way goes'],
  [1, 'remove conflist'],
  [3, 'lose events'],
  [2, 'refuse next hop'],
  [3, 'accept next hops'],
  [1, 'kernel breaks'],
  [3, 'kernel works'],
  [1, 'rules break'],
  [2, 'rules work'],
] as const;

const wipe = [
  [1, 'forget state'],
  [1, 'reboot'],
] as const;

const anything = [...churn, ...apiFaults, ...processes, ...drift, ...wipe] as const;
const controlPlane = [...apiFaults, [10, 'lag'], [6, 'replay'], ...processes, ...processes] as const;

export type StepName = (typeof anything)[number][1];

/** The history of a seed. Every 250th has 5,000 nodes, every 20th some hundred. */
export function historyOf(seed: number): History {
  const random = new Random(seed);
  const profile = random.chance(0.15) ? 'control-plane' : 'anything';
  const huge = seed % 250 === 0;
  const large = !huge && seed % 20 === 0;
  const nodes = huge ? 5000 : large ? random.whole(50, 500) : random.whole(1, 10);
  const agents = huge ? 1 : large ? random.whole(1, 2) : Math.min(nodes, random.whole(1, 4));
  const length = huge ? 12 : random.whole(5, 40);
  const steps = Array.from({ length }, (): Step => {
    const what = random.weighted<StepName>(profile === 'anything' ? anything : controlPlane);
    const number = (): number => random.whole(0, 1_000_000);
    return { waitMs: wait(random), what, a: number(), b: number(), c: number() };
  });
  const resyncMs = random.chance(0.3) ? 60_000 : 3_600_000;
  const subnets = random.weighted([
    [1, 1],
    [1, 2],
    [1, 3],
  ]);
  const encap = random.weighted<Encap>([
    [7, 'auto'],
    [1, 'always'],
    [1, 'never'],
  ]);
  const readOnlySysctls = random.chance(0.3);
  const sets = random.chance(0.8);
  const matchesSets = random.chance(0.8);
  const nftables = random.chance(0.8);
  const packetFilter = random.weighted<PacketFilterMode>([
    [2, 'auto'],
    [2, 'iptables'],
    [nftables ? 1 : 0, 'nftables'],
  ]);
  const layout = random.weighted<Layout>([
    [1, 'bridge'],
    [1, 'routed'],
  ]);
  return {
    seed,
    profile,
    nodes,
    subnets,
    encap,
    readOnlySysctls,
    packetFilter,
    nftables,
    sets,
    matchesSets,
    layout,
    agents,
    resyncMs,
    steps,
  };
}

/** Mostly short, so that steps overlap; sometimes long enough for the cluster to become idle. */
function wait(random: Random): number {
  return random.weighted([
    [5, 0],
    [6, random.whole(1, 60)],
    [4, random.whole(60, 1500)],
    [3, random.whole(1500, 10_000)],
    [2, random.whole(10_000, 150_000)],
    [1, random.whole(150_000, 400_000)],
  ]);
}
