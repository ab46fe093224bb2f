/** Plays a history and checks the invariants of every history. */
import { createNftFilter } from '../../src/apply/nftables.ts';
import { createSets } from '../../src/apply/sets.ts';
import { Metrics } from '../../src/core/metrics.ts';
import { followNodes, Outage, watchNodes } from '../../src/observe/nodes.ts';
import { Agent } from '../../src/reconcile/agent.ts';
import { SimulatedApi } from './api.ts';
import { type Cluster, internalIPs, nodeName, numberOf, play, podCIDRs, setUpLink } from './events.ts';
import type { History } from './history.ts';
import { type Modules, SimulatedNode } from './node.ts';
import {
  expectedRoutes,
  routeDifferences,
  ruleDifferences,
  sysctlDifferences,
  tableDifferences,
  tunnelDifferences,
} from './oracle.ts';
import { Random } from './random.ts';
import { VirtualTime } from './time.ts';

/** Maximum time that kernel and expectation may differ while the agent is not hindered. */
const BOUND_MS = 1000;
/**
 * Time after a fault until no retry is delayed any more: the longest delay is 60 s, a silent watch is given
 * up after 90.
 */
const AFTERMATH_MS = 200_000;
/** Maximum time between attempts to reach a server that was only unreachable. */
const KNOCK_MS = 1000;
/** Interval between checks of all routes; longer in large clusters. */
const LOOK_MS = 1000;
/** Idle time at the end. */
const REST_MS = 600_000;

export class Violation extends Error {
  readonly history: History;
  /** The steps until then. */
  readonly trace: readonly string[];

  constructor(message: string, history: History, trace: readonly string[]) {
    super(message);
    this.history = history;
    this.trace = trace;
  }
}

export interface Outcome {
  /** Number of actions that the kernels carried out. */
  writes: number;
  /** Simulated virtual time, ms. */
  virtualMs: number;
}

export const ownModules: Modules = {
  Agent,
  Metrics,
  followNodes,
  Outage,
  watchNodes,
  createSets,
  createNftFilter,
};

/** Throws {@link Violation}. */
export async function simulate(history: History, modules: Modules = ownModules): Promise<Outcome> {
  return new Simulation(history, modules).run();
}

class Simulation {
  readonly #history: History;
  readonly #time = new VirtualTime();
  readonly #cluster: Cluster;
  readonly #trace: string[] = [];
  readonly #large: boolean;
  /** First time of each current difference, by node. */
  readonly #differing = new Map<SimulatedNode, Map<string, number>>();
  /** The time when the faults of each node no longer have an effect. */
  readonly #calm = new Map<SimulatedNode, number>();
  /** Maximum number of route writes of each node. */
  readonly #budget = new Map<SimulatedNode, number>();

  constructor(history: History, modules: Modules) {
    this.#history = history;
    this.#large = history.nodes > 20;
    const random = new Random(history.seed ^ 0x5eed);
    const api = new SimulatedApi(this.#time, random);
    const say = (line: string): void => this.#note(`  ${line}`);
    const { resyncMs, encap, readOnlySysctls, packetFilter, nftables, sets, matchesSets } = history;
    const { layout } = history;
    const options = { resyncMs, encap, readOnlySysctls, packetFilter, nftables, sets, matchesSets, layout };
    const changesLayout = history.profile === 'anything';
    const world = { time: this.#time, api, random, modules, ...options, changesLayout, say };
    const nodes = Array.from({ length: history.agents }, (_, i) => new SimulatedNode(world, nodeName(i + 1)));
    const { subnets } = history;
    this.#cluster = { api, nodes, subnets, resyncMs, next: history.nodes + 2 };
  }

  async run(): Promise<Outcome> {
    const { api, nodes } = this.#cluster;
    const history = this.#history;
    for (let n = 1; n <= history.nodes + 1; n++) {
      api.put({ name: nodeName(n), podCIDRs: podCIDRs(n), internalIPs: internalIPs(n, history.subnets) });
    }
    for (const node of nodes) {
      setUpLink(node.kernel, numberOf(node), history.subnets);
      node.start();
    }
    this.#spend([]);
    // A deleted node that old events still mention.
    api.delete(nodeName(history.nodes + 1));
    await this.#pass(2000);
    const routes = nodes.map(({ kernel }) => kernel.written.length);
    for (const step of history.steps) {
      await this.#pass(step.waitMs);
      this.#note(`${step.what} ${step.a} ${step.b} ${step.c}`);
      for (const node of nodes) {
        this.#noteTrouble(node);
      }
      const touched = play(this.#cluster, step);
      if (oneShots.has(step.what)) {
        for (const node of nodes) {
          this.#calmIn(node, AFTERMATH_MS);
        }
      }
      this.#spend(touched);
      this.#look();
    }
    await this.#pass(1000);
    await this.#heal();
    await this.#rest();
    if (history.profile === 'control-plane') {
      nodes.forEach(({ name, kernel }, i) => {
        if (kernel.written.length !== routes[i]) {
          this.#fail(
            `${name} wrote routes (${kernel.written.slice(routes[i])}) though only the control plane was hurt`,
          );
        }
      });
    }
    for (const node of nodes) {
      node.kill();
    }
    const writes = nodes.reduce((sum, { kernel }) => sum + kernel.written.length, 0);
    return { writes, virtualMs: this.#time.now };
  }

  /** Advances the time in slices and checks everything after each. */
  async #pass(ms: number): Promise<void> {
    const slice = this.#large ? 60_000 : LOOK_MS;
    // Long waits are uninteresting once the cluster is idle.
    for (let left = ms, size = slice; left > 0; size *= 2) {
      const part = Math.min(left, size);
      left -= part;
      await this.#time.advance(part);
      this.#look();
    }
  }

  /** Ends all faults and checks that everything becomes right. */
  async #heal(): Promise<void> {
    const { api, nodes } = this.#cluster;
    this.#note('everything works again');
    api.heal();
    for (const node of nodes) {
      node.kernel.broken = undefined;
      node.kernel.refusing.clear();
      node.firewall.broken = false;
      node.killIn(undefined);
      setUpLink(node.kernel, numberOf(node), this.#cluster.subnets);
      if ((api.get(node.name)?.podCIDRs ?? []).length === 0) {
        api.put({
          name: node.name,
          podCIDRs: podCIDRs(numberOf(node)),
          internalIPs: internalIPs(numberOf(node), this.#cluster.subnets),
        });
      }
      node.start();
    }
    this.#spend([]);
    await this.#pass(AFTERMATH_MS + BOUND_MS);
    for (const node of nodes) {
      const differences = [...this.#differences(node), ...this.#hostDifferences(node)];
      if (differences.length > 0) {
        this.#fail(`${node.name} is not right in the end: ${differences.join(', ')}`);
      }
      if (!node.agent!.ready) {
        this.#fail(`${node.name} is not ready in the end`);
      }
      this.#expectIdle(node);
    }
  }

  /** Checks that `plan` and `doctor` find nothing to change at an idle agent. */
  #expectIdle(node: SimulatedNode): void {
    const found = node.examine();
    if (found.length > 0) {
      this.#fail(`${node.name} is idle, and plan or doctor finds: ${found.slice(0, 20).join(', ')}`);
    }
  }

  /** Sends only heartbeats: nothing may be written or logged. */
  async #rest(): Promise<void> {
    const { api, nodes } = this.#cluster;
    const count = (): string =>
      nodes
        .map(
          (n) =>
            `${n.name}: ${n.kernel.written.length} route writes, ${n.hostWrites} other, ${n.lines} lines`,
        )
        .join('; ');
    const before = count();
    const names = [...api.nodes()].slice(0, 100).map(({ name }) => name);
    for (let beat = 0; beat < 6; beat++) {
      for (const name of names) {
        api.heartbeat(name);
      }
      await this.#time.advance(10_000);
    }
    await this.#time.advance(this.#large ? 120_000 : REST_MS);
    if (count() !== before) {
      this.#fail(`The idle agent wrote something: before ${before}; after ${count()}`);
    }
    for (const node of nodes) {
      this.#expectIdle(node);
    }
  }

  #look(): void {
    for (const node of this.#cluster.nodes) {
      const { written } = node.kernel;
      const harmed = [...node.kernel.harmed, ...node.firewall.harmed];
      if (harmed.length > 0) {
        this.#fail(`${node.name} harmed what is not its own: ${harmed.join(', ')}`);
      }
      const budget = this.#budget.get(node)!;
      if (written.length > budget) {
        this.#fail(
          `${node.name} made ${written.length} route writes where ${budget} are enough: ${written.slice(-20)}`,
        );
      }
      this.#noteTrouble(node);
      if (!this.#comparable(node)) {
        this.#differing.delete(node);
        continue;
      }
      const since = this.#differing.get(node) ?? new Map<string, number>();
      const now = new Map(this.#differences(node).map((line) => [line, since.get(line) ?? this.#time.now]));
      this.#differing.set(node, now);
      const calm = this.#calm.get(node) ?? 0;
      for (const [line, first] of now) {
        if (this.#time.now - Math.max(first, calm) > BOUND_MS) {
          this.#fail(`${node.name} has been wrong for ${this.#time.now - first} ms: ${line}`);
        }
      }
    }
  }

  /** False while the API lacks this node, when nothing is decided. */
  #comparable(node: SimulatedNode): boolean {
    return this.#cluster.api.get(node.name) !== undefined;
  }

  /** Records faults that keep the agent from its work. */
  #noteTrouble(node: SimulatedNode): void {
    const { api } = this.#cluster;
    const { kernel } = node;
    if (api.away) {
      this.#calmIn(node, KNOCK_MS);
    }
    const troubled =
      api.troubled ||
      node.agent === undefined ||
      kernel.broken !== undefined ||
      kernel.refusing.size > 0 ||
      node.firewall.broken ||
      api.get(node.name) === undefined;
    if (troubled) {
      this.#calmIn(node, AFTERMATH_MS);
    }
  }

  #calmIn(node: SimulatedNode, ms: number): void {
    this.#calm.set(node, Math.max(this.#calm.get(node) ?? 0, this.#time.now + ms));
  }

  #differences(node: SimulatedNode): string[] {
    const { api } = this.#cluster;
    const state = node.kernel.state();
    const own = api.get(node.name)!;
    const { encap } = this.#history;
    const expected = expectedRoutes(own, api.nodes(), state, { encap, layout: node.layout });
    return [...routeDifferences(expected, state), ...tunnelDifferences(own, expected, state)];
  }

  /** Returns differences of rules and settings, which are not checked at every step. */
  #hostDifferences({
    name,
    kernel,
    firewall,
    usesTable,
    packetFilter,
    sysctls,
    conflist,
  }: SimulatedNode): string[] {
    const { api } = this.#cluster;
    const own = api.get(name)!;
    const state = kernel.state();
    return [
      ...(usesTable
        ? tableDifferences(own, [...api.nodes()], firewall, packetFilter === 'auto')
        : [
            ...(firewall.table === undefined ? [] : ['keeps its nftables table beside iptables']),
            ...ruleDifferences(own, [...api.nodes()], firewall),
          ]),
      // Only the resync finds a setting that another program changes.
      ...sysctlDifferences(own, state, sysctls, conflist),
    ];
  }

  /** Grants the writes for the present differences, and for routes that other programs changed. */
  #spend(touched: readonly string[]): void {
    for (const node of this.#cluster.nodes) {
      const differences = this.#comparable(node)
        ? this.#differences(node).length
        : this.#cluster.api.size * 2;
      // Two per difference: remove the old route, add the new one. Twice, in case events were late.
      const more = 4 * (differences + touched.length + this.#cluster.api.lag) + 2;
      this.#budget.set(node, (this.#budget.get(node) ?? 0) + more);
    }
  }

  #note(line: string): void {
    this.#trace.push(`${(this.#time.now / 1000).toFixed(3).padStart(9)} ${line}`);
  }

  #fail(message: string): never {
    throw new Violation(message, this.#history, this.#trace);
  }
}

/** Steps with effects that outlast them. */
const oneShots = new Set<string>(['cut watches', 'compact', 'start', 'reboot', 'lag', 'replay']);

/** Returns the shortest part of a history that still violates an invariant. */
export async function shrink(history: History, modules: Modules = ownModules): Promise<Violation> {
  const attempt = async (steps: History['steps']): Promise<Violation | undefined> => {
    try {
      await simulate({ ...history, steps }, modules);
      return undefined;
    } catch (error) {
      if (error instanceof Violation) {
        return error;
      }
      throw error;
    }
  };
  let found = await attempt(history.steps);
  if (found === undefined) {
    throw new Error('There is nothing to shrink: the history violates nothing');
  }
  for (
    let size = Math.ceil(history.steps.length / 2);
    size > 0;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let from = 0; from < found.history.steps.length; ) {
      const steps = found.history.steps;
      const fewer = await attempt([...steps.slice(0, from), ...steps.slice(from + size)]);
      if (fewer === undefined) {
        from += size;
      } else {
        found = fewer;
      }
    }
  }
  return found;
}
