/** Reconciles routes and tunnels. */

import {
  describe,
  type KernelAction,
  type NeighbourAction,
  type RouteAction,
  type TunnelAction,
} from '../core/action.ts';
import type { Kernel, WriteFailure } from '../core/kernel.ts';
import type { HostFacts, KernelNeighbour, KernelRoute, NodeRoute, TunnelLink } from '../core/model.ts';
import { defaultTunnel } from '../core/names.ts';
import type { Problem } from '../core/problem.ts';
import type { PathMtus } from '../desired/mtu.ts';
import type { NodeIndex } from '../desired/node-index.ts';
import { desiredRoutes, type Reachability, type RouteDecision } from '../desired/route.ts';
import { desiredTunnel, tunnelConflicts } from '../desired/tunnel.ts';
import { TunnelPeers } from '../desired/tunnel-peers.ts';
import { isOwn } from '../observe/route-table.ts';
import { diffPeers, diffRoutes, diffTunnels } from './diff.ts';
import { KernelMirror } from './kernel-mirror.ts';
import { PathTracker } from './path-tracker.ts';
import { inOrder, withoutLink } from './route-order.ts';

export interface RouteOutcome {
  done: KernelAction[];
  failed: WriteFailure[];
  /** Problems by destination. Destinations without problems have no entry. */
  problems: Map<string, Problem[]>;
  /**
   * Other tunnels are needed than before, or a tunnel link was created or removed: what depends on them must
   * be decided again.
   */
  tunnelChanged: boolean;
}

export interface RouteOptions extends Reachability {
  nodeName: string;
  outsideInterface?: string | undefined;
}

/**
 * Rounds: create the link, learn its index, add its addresses; one more for a link that disappears in
 * between.
 */
const TUNNEL_ROUNDS = 4;

export class RouteReconciler {
  readonly #claims: NodeIndex;
  readonly #options: RouteOptions;
  readonly #mirror: KernelMirror;
  readonly #peers = new TunnelPeers();
  /** Keys of tunnel entries to look at in the next pass. */
  readonly #dirtyKeys = new Set<string>();
  readonly #wanted = new Map<string, NodeRoute>();
  readonly #tracker = new PathTracker(this.#wanted, this.#peers);
  /** Tunnel links and MTUs that the last pass needed, even if it could not create the links. */
  #needed = '';

  constructor(claims: NodeIndex, kernel: Kernel, options: RouteOptions) {
    this.#claims = claims;
    this.#options = options;
    this.#mirror = new KernelMirror(kernel, options);
  }

  /** Facts of the last dump; undefined before the first. */
  get facts(): HostFacts | undefined {
    return this.#mirror.facts;
  }

  /** MTUs of the ways to other nodes, as last decided. */
  get paths(): PathMtus {
    return this.#tracker.paths;
  }

  /** Dumps the kernel's tables. Returns whether the facts changed, so that everything must be decided again. */
  load(): boolean {
    return this.#mirror.load();
  }

  /** Processes an event of one of the agent's own routes. */
  observe(op: 'new' | 'del', route: KernelRoute): void {
    this.#mirror.observe(op, route);
  }

  /** Processes an event of an FDB or neighbour entry. Returns whether it belongs to a tunnel. */
  observeNeighbour(op: 'new' | 'del', neighbour: KernelNeighbour): boolean {
    const key = this.#mirror.observeNeighbour(op, neighbour);
    if (key !== undefined) {
      this.#dirtyKeys.add(key);
    }
    return key !== undefined;
  }

  /** Number of destinations with our routes to other nodes in the kernel, as last observed. */
  get owned(): number {
    return this.#mirror.table.owned;
  }

  /** Returns the destinations of our routes in the kernel, as last observed. */
  own(): string[] {
    return [...this.#mirror.table.own()];
  }

  /** Desired routes by destination, as far as decided. */
  get wanted(): ReadonlyMap<string, NodeRoute> {
    return this.#wanted;
  }

  /** Returns what `sync` would do for all destinations. */
  plan(): { actions: KernelAction[]; problems: Problem[] } {
    const { routes, decisions, problems, keys } = this.#decide(this.#claims.prefixes(), true);
    const tunnels = this.#wantedTunnels();
    const links = this.#tunnelActions(tunnels);
    const added = new Set(links.flatMap((action) => (action.op === 'add' ? [action.link.name] : [])));
    const entries = this.#peerActions(keys, tunnels).filter(
      ({ entry, dev }) => entry.index !== 0 || added.has(dev),
    );
    const lead = routes.flatMap((action) =>
      action.op !== 'remove' && !('unreachable' in action.route) && added.has(action.route.dev)
        ? [action]
        : withoutLink(action),
    );
    return {
      actions: [...links, ...entries, ...inOrder(lead)],
      problems: [...[...decisions.values()].flatMap((decision) => decision.problems), ...problems],
    };
  }

  /**
   * Reconciles the routes to `prefixes`. `complete` also removes our routes to destinations that no node has.
   */
  sync(prefixes: Iterable<string>, complete: boolean): RouteOutcome {
    const first = this.#decide(prefixes, complete);
    const tunnels = this.#wantedTunnels();
    const outcome: RouteOutcome = { done: [], failed: [], problems: new Map(), tunnelChanged: false };
    // A link must exist before a route uses it, and is removed after the last route.
    this.#makeTunnels(tunnels, outcome, 'needed');
    const last = outcome.tunnelChanged ? this.#decide(this.#claims.prefixes(), true) : first;
    for (const [dst, { problems }] of last.decisions) {
      if (problems.length > 0) {
        outcome.problems.set(dst, [...problems]);
      }
    }
    for (const problem of last.problems) {
      const { subject: dst } = problem;
      outcome.problems.set(dst, [...(outcome.problems.get(dst) ?? []), problem]);
    }
    const routes = last.routes.flatMap(withoutLink);
    const entries = this.#peerActions(last.keys, tunnels).filter(({ entry }) => entry.index !== 0);
    this.#write([...entries.filter(({ op }) => op === 'put'), ...inOrder(routes)], outcome);
    // Entries are in use until their routes are removed.
    this.#write(
      entries.filter(({ op }) => op === 'remove'),
      outcome,
    );
    this.#makeTunnels(tunnels, outcome, 'all');
    const { direct, links = [] } = this.paths;
    const needed = [...tunnels.map(({ name, mtu }) => `${name} ${mtu}`), direct, ...links].join();
    outcome.tunnelChanged ||= needed !== this.#needed;
    this.#needed = needed;
    return outcome;
  }

  /** Removes all routes and tunnels of the agent. */
  removeAll(): RouteOutcome {
    const outcome: RouteOutcome = { done: [], failed: [], problems: new Map(), tunnelChanged: false };
    this.#write(
      this.own().flatMap((dst) =>
        this.#mirror.table
          .at(dst)
          .filter(isOwn)
          .map((old): RouteAction => ({ kind: 'route', op: 'remove', old })),
      ),
      outcome,
    );
    this.#makeTunnels([], outcome, 'all');
    return outcome;
  }

  #decide(
    prefixes: Iterable<string>,
    complete: boolean,
  ): {
    decisions: Map<string, RouteDecision>;
    routes: RouteAction[];
    problems: Problem[];
    keys: Iterable<string>;
  } {
    const decisions = desiredRoutes(this.#claims, this.#options, this.#factsOrThrow(), prefixes);
    this.#tracker.changed(complete);
    if (complete) {
      this.#wanted.clear();
      for (const dst of [...this.#peers.dsts()]) {
        if (!decisions.has(dst)) {
          this.#peers.set(dst, undefined);
        }
      }
    }
    for (const [dst, { route, peer, mtu }] of decisions) {
      this.#tracker.set(dst, mtu);
      if (route === undefined) {
        this.#wanted.delete(dst);
      } else {
        this.#wanted.set(dst, route);
      }
      for (const key of this.#peers.set(dst, peer)) {
        this.#dirtyKeys.add(key);
      }
    }
    const { actions: routes, problems } = diffRoutes(decisions, this.#mirror.table, complete);
    const keys = new Set(this.#dirtyKeys);
    this.#dirtyKeys.clear();
    if (complete) {
      for (const each of [this.#peers.keys(), this.#mirror.neighbours.keys()]) {
        for (const key of each) {
          keys.add(key);
        }
      }
    }
    return { decisions, routes, problems, keys };
  }

  #wantedTunnels(): TunnelLink[] {
    const own = this.#claims.get(this.#options.nodeName);
    const { tunnel = defaultTunnel, mtu } = this.#options;
    if (own === undefined) {
      return [];
    }
    return [...this.paths.tunnels.keys()].map((underlay) =>
      desiredTunnel(own, this.#factsOrThrow(), tunnel, underlay, this.paths, mtu),
    );
  }

  #tunnelActions(wanted: readonly TunnelLink[]): TunnelAction[] {
    const facts = this.#factsOrThrow();
    return diffTunnels(facts.tunnels, wanted).filter(
      (action) => action.op !== 'add' || tunnelConflicts(facts, action.link).length === 0,
    );
  }

  /**
   * Returns actions on entries of links that stay or will be created: a removed link takes its entries along.
   */
  #peerActions(keys: Iterable<string>, wanted: readonly TunnelLink[]): NeighbourAction[] {
    const names = new Set(wanted.map(({ name }) => name));
    const present = new Map(this.#mirror.facts?.tunnels.map(({ index, name }) => [index, name]));
    const actions = diffPeers(
      this.#peers,
      this.#mirror.neighbours,
      keys,
      (index) => present.get(index) ?? '',
    );
    return actions.filter(({ dev }) => names.has(dev));
  }

  /**
   * Creates, changes and removes tunnel links. With `needed`, an unneeded link stays until the routes have
   * left it, unless it conflicts with a link to create.
   */
  #makeTunnels(wanted: readonly TunnelLink[], outcome: RouteOutcome, which: 'needed' | 'all'): void {
    for (let round = 0; round < TUNNEL_ROUNDS; round++) {
      const all = this.#tunnelActions(wanted);
      const making = which === 'all' || all.some(({ op }) => op === 'add');
      const actions = making ? all : all.filter(({ op }) => op !== 'remove');
      if (actions.length === 0) {
        return;
      }
      outcome.tunnelChanged = true;
      if (this.#write(actions, outcome)) {
        this.load();
      } else {
        return;
      }
    }
  }

  /** Returns whether all actions succeeded. */
  #write(actions: readonly KernelAction[], outcome: RouteOutcome): boolean {
    const { done, failed } = this.#mirror.write(actions);
    outcome.done.push(...done);
    // A tunnel is tried twice in a pass. Only the first refusal has the cause.
    const known = (action: KernelAction): boolean =>
      outcome.failed.some((other) => describe(other.action) === describe(action));
    outcome.failed.push(...failed.filter(({ action }) => action.kind !== 'tunnel' || !known(action)));
    return failed.length === 0;
  }

  #factsOrThrow(): HostFacts {
    if (this.#mirror.facts === undefined) {
      throw new Error('Call RouteReconciler.load() first');
    }
    return this.#mirror.facts;
  }
}
