/** Routes, kept: remembers what the kernel has, so that an event costs one message and no dump. */
import type { Kernel, WriteFailure } from './apply/kernel.ts';
import type { Claims } from './desired/claims.ts';
import { desiredRoutes } from './desired/index.ts';
import { asKernelRoute, diffRoutes, type RouteAction } from './diff.ts';
import type { HostFacts, KernelRoute, KernelState, NodeRoute, Problem } from './model.ts';
import { hostFacts, sameFacts } from './observe/facts.ts';
import { isOwn, RouteTable } from './observe/route-table.ts';

export interface RouteOutcome {
  done: RouteAction[];
  failed: WriteFailure[];
  /** By destination, for every destination looked at: empty when all is well. */
  problems: Map<string, Problem[]>;
}

export interface RouteOptions {
  nodeName: string;
  outsideInterface?: string;
}

export class Routes {
  readonly #claims: Claims;
  readonly #kernel: Kernel;
  readonly #options: RouteOptions;
  #table = new RouteTable();
  #facts: HostFacts | undefined;
  readonly #wanted = new Map<string, NodeRoute>();

  constructor(claims: Claims, kernel: Kernel, options: RouteOptions) {
    this.#claims = claims;
    this.#kernel = kernel;
    this.#options = options;
  }

  /** Of the last dump; undefined before the first. */
  get facts(): HostFacts | undefined {
    return this.#facts;
  }

  /** Dumps the kernel's tables. True when the facts changed, so that every decision must be taken again. */
  load(): boolean {
    const state: KernelState = this.#kernel.dump();
    const facts = hostFacts(state, this.#options.outsideInterface);
    const changed = this.#facts === undefined || !sameFacts(this.#facts, facts);
    this.#table = new RouteTable(state.routes);
    this.#facts = facts;
    return changed;
  }

  /** Takes in an event about one of the agent's own routes. */
  observe(op: 'new' | 'del', route: KernelRoute): void {
    if (op === 'new') this.#table.put(route);
    else this.#table.remove(route);
  }

  /** Destinations of own routes in the kernel, as far as known. */
  own(): string[] {
    return [...this.#table.own()];
  }

  /** The routes that there should be, by destination, as far as looked at. */
  get wanted(): ReadonlyMap<string, NodeRoute> {
    return this.#wanted;
  }

  /** What `sync` would do for all destinations. */
  plan(): { actions: RouteAction[]; problems: Problem[] } {
    const decisions = desiredRoutes(this.#claims, this.#options.nodeName, this.#factsOrThrow());
    const { actions, problems } = diffRoutes(decisions, this.#table, true);
    return {
      actions,
      problems: [...[...decisions.values()].flatMap((decision) => decision.problems), ...problems],
    };
  }

  /** Makes the routes to `prefixes` right; `complete` also removes own routes to destinations that nobody claims. */
  sync(prefixes: Iterable<string>, complete: boolean): RouteOutcome {
    const decisions = desiredRoutes(this.#claims, this.#options.nodeName, this.#factsOrThrow(), prefixes);
    if (complete) this.#wanted.clear();
    for (const [dst, { route }] of decisions)
      if (route === undefined) this.#wanted.delete(dst);
      else this.#wanted.set(dst, route);
    const problems = new Map([...decisions].map(([dst, decision]) => [dst, [...decision.problems]]));
    const diff = diffRoutes(decisions, this.#table, complete);
    for (const problem of diff.problems) problems.get(problem.key.split(' ')[1]!)?.push(problem);
    // Removals first: what goes may stand in the way of what comes.
    const order = { remove: 0, change: 1, add: 2 } as const;
    const actions = diff.actions.sort((a, b) => order[a.op] - order[b.op]);
    const failed = actions.length === 0 ? [] : this.#kernel.write(actions);
    const failing = new Set(failed.map(({ action }) => action));
    const done = actions.filter((action) => !failing.has(action));
    for (const action of done) this.#remember(action);
    return { done, failed, problems };
  }

  /** Removes every route of the agent. */
  removeAll(): RouteOutcome {
    const actions: RouteAction[] = this.own().flatMap((dst) =>
      this.#table
        .at(dst)
        .filter(isOwn)
        .map((old): RouteAction => ({ kind: 'route', op: 'remove', old })),
    );
    const failed = actions.length === 0 ? [] : this.#kernel.write(actions);
    return {
      done: actions.filter((action) => !failed.some((entry) => entry.action === action)),
      failed,
      problems: new Map(),
    };
  }

  #remember(action: RouteAction): void {
    if (action.op === 'remove') this.#table.remove(action.old);
    else this.#table.put(asKernelRoute(action.route));
  }

  #factsOrThrow(): HostFacts {
    if (this.#facts === undefined) throw new Error('Routes.load() must come before');
    return this.#facts;
  }
}
