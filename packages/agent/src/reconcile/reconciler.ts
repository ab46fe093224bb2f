/** Passes over the node: each decides what should be, compares, and changes what differs. Synchronous. */
import { describe, placeOf } from '../core/action.ts';
import type { Kernel, KernelEvent } from '../core/kernel.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Chain, TestedState } from '../core/model.ts';
import { type Problem, problem, problemKinds } from '../core/problem.ts';
import type { After } from '../core/timers.ts';
import type { DesiredHost, Policy } from '../desired/desired-host.ts';
import { concerns } from '../observe/facts.ts';
import { isOwn } from '../observe/route-table.ts';
import { Contest } from './contest.ts';
import { Drift } from './drift.ts';
import { type HostDeps, type HostOutcome, HostReconciler } from './host-reconciler.ts';
import type { NodeBook, NodeChange } from './node-book.ts';
import { assembleHost } from './node-plan.ts';
import { Reporter } from './reporter.ts';
import { type RouteOptions, RouteReconciler } from './route-reconciler.ts';
import { testedState } from './tested-state.ts';

export interface ReconcilerDeps extends HostDeps {
  kernel: Kernel;
  after: After;
  log: Log;
  metrics: Metrics;
  /** Absent: no plugins are chained. */
  chain?: () => Chain;
  /** Tests whether packets take the routes. */
  selfTest?: (state: TestedState) => Problem[];
  /** Called for each file that another program had changed or removed, after its repair. */
  onRepair?: (path: string) => void;
}

/** The work that a pass leaves. */
export interface PassResult {
  /** False: another pass must try again. */
  ok: boolean;
  /** The pass looked at everything. */
  complete?: boolean;
  /** The kernel refused a change, and an event that is still on its way may explain that: a dump is needed. */
  stale?: boolean;
  /** The whole data path is programmed, and packets take the routes. */
  usable?: boolean;
}

const DONE: PassResult = { ok: true };

export class Reconciler {
  readonly reporter: Reporter;
  /** Repairs by event that another program undoes at once. */
  readonly contests: Readonly<Record<'routes' | 'rules' | 'files' | 'sysctls', Contest>>;
  readonly #deps: ReconcilerDeps;
  readonly #policy: Policy & RouteOptions;
  readonly #nodes: NodeBook;
  readonly #routes: RouteReconciler;
  readonly #host: HostReconciler;
  readonly #drift = new Drift();
  /** Destinations to look at in the next pass. */
  readonly #dirty = new Set<string>();
  #chain: Chain | undefined;
  /** A node has changed since the rules were last decided. */
  #nodesChanged = false;
  /** Another program changed rules since they were last read. */
  #rulesTouched = false;
  #programmed = false;

  constructor(deps: ReconcilerDeps, policy: Policy & RouteOptions, nodes: NodeBook) {
    this.#deps = deps;
    this.#policy = policy;
    this.#nodes = nodes;
    this.#routes = new RouteReconciler(nodes.index, deps.kernel, policy);
    this.#host = new HostReconciler(deps);
    this.reporter = new Reporter(deps.log, deps.metrics);
    const contest = (what: string): Contest =>
      new Contest(what, deps.after, (problems) => this.reporter.problems.set('contested', problems, what));
    this.contests = {
      routes: contest('routes'),
      rules: contest('rules'),
      files: contest('files'),
      sysctls: contest('kernel settings'),
    };
  }

  /** True once the whole data path was programmed, conflist included. */
  get programmed(): boolean {
    return this.#programmed;
  }

  /** Node changes since the last pass over the rules may concern them. */
  get rulesDue(): boolean {
    return this.#nodesChanged;
  }

  nodeChanged({ name, prefixes, problems }: NodeChange): void {
    for (const prefix of prefixes) {
      this.#dirty.add(prefix);
      this.#drift.moved(prefix);
    }
    this.#nodesChanged = true;
    this.reporter.problems.set('node', problems, name);
    this.#deps.metrics.set('nodes', this.#nodes.index.size);
  }

  /** Processes a kernel event. Returns the pass that it needs. */
  observe(event: KernelEvent): 'partial' | 'reload' | 'settings' | undefined {
    if (event.type === 'route' && isOwn(event.route)) {
      this.#routes.observe(event.op, event.route);
      this.#dirty.add(event.route.dst);
      return 'partial';
    }
    if (event.type === 'neighbour') {
      return this.#routes.observeNeighbour(event.op, event.neighbour) ? 'partial' : undefined;
    }
    if (event.type === 'overflow') {
      this.#deps.metrics.add('kernel_overflows');
    }
    const { facts } = this.#routes;
    if (facts === undefined || !concerns(facts, event)) {
      return undefined;
    }
    return event.type === 'setting' ? 'settings' : 'reload';
  }

  /** Another program changed rules that are ours or beside ours. */
  observeRules(): void {
    this.#rulesTouched = true;
  }

  /** Dumps the kernel, decides everything and changes what differs. */
  resync(): PassResult {
    this.#load();
    return this.#complete();
  }

  /** Dumps the kernel. Looks at rules and files only if the facts have changed. */
  reload(): PassResult {
    return this.#load() ? this.#complete() : this.#syncRoutesOrAll(true);
  }

  /** Looks at the destinations that node and kernel events concern. */
  partial(): PassResult {
    this.#nodes.removeDeleted();
    return this.#syncRoutesOrAll(false);
  }

  /** Looks at rules and sets. */
  rules(): PassResult {
    const touched = this.#rulesTouched;
    if (touched) {
      this.#host.reviewBackend();
    }
    const host = this.#desired();
    this.#nodesChanged = false;
    this.#rulesTouched = false;
    return { ok: host === undefined || this.#settle('rules', this.#host.rules(host, touched)) };
  }

  /** Looks at the sysctls. */
  settings(): PassResult {
    const host = this.#desired();
    if (host !== undefined) {
      this.#sysctls(host);
    }
    return DONE;
  }

  /** Looks at the CNI files. */
  files(): PassResult {
    this.#chain = this.#deps.chain?.();
    const host = this.#desired();
    return { ok: host === undefined || this.#files(host) };
  }

  /** False before the first dump, when nothing can be decided. */
  get loaded(): boolean {
    return this.#routes.facts !== undefined;
  }

  close(): void {
    for (const contest of Object.values(this.contests)) {
      contest.close();
    }
  }

  #load(): boolean {
    this.#chain = this.#deps.chain?.();
    const changed = this.#routes.load();
    if (changed) {
      this.#drift.allMoved();
    }
    return changed;
  }

  /** Sysctls, routes, rules, executable, conflist: in this order, as the last one makes the node Ready. */
  #complete(): PassResult {
    this.#nodes.removeDeleted();
    this.#host.reviewBackend();
    const before = this.#desired();
    if (before !== undefined) {
      this.#sysctls(before);
    }
    const { ok, stale, tunnelChanged } = this.#syncRoutes(true);
    // The tunnels that are needed now are part of what is decided.
    const host = this.#desired();
    if (host !== undefined && tunnelChanged) {
      this.#sysctls(host);
    }
    this.reporter.problems.set('host', host?.problems ?? []);
    if (host === undefined || this.#nodes.own === undefined) {
      return { ok, stale, complete: true };
    }
    const rules = this.#settle('rules', this.#host.rules(host, true));
    // Without the rules a new node must not become Ready. On a node that is, the files are still repaired.
    const files = (rules || this.#programmed) && this.#files(host);
    const usable = rules && files && this.#ready();
    return { ok: ok && rules && files, stale, complete: true, usable };
  }

  #syncRoutesOrAll(complete: boolean): PassResult {
    const { ok, stale, tunnelChanged } = this.#syncRoutes(complete);
    if (!tunnelChanged) {
      return { ok, stale };
    }
    const result = this.#complete();
    return { ...result, stale: stale || result.stale === true };
  }

  #syncRoutes(complete: boolean): { ok: boolean; stale: boolean; tunnelChanged: boolean } {
    const prefixes = new Set(this.#dirty);
    this.#dirty.clear();
    if (this.#nodes.own === undefined) {
      return { ...DONE, stale: false, tunnelChanged: false };
    }
    if (complete) {
      for (const prefix of this.#nodes.index.prefixes()) {
        prefixes.add(prefix);
      }
    }
    const { done, failed: refused, problems, tunnelChanged } = this.#routes.sync(prefixes, complete);
    // In a pass without a dump, a refusal may only mean that the events of an earlier change have not arrived
    // yet.
    const stale = refused.filter(({ code }) => !complete && (code === 'EEXIST' || code === 'ESRCH'));
    const failed = refused.filter((failure) => !stale.includes(failure));
    for (const { action, message } of failed) {
      const place = placeOf(action);
      const text = `The kernel refused ${describe(action).slice(2)}: ${message}`;
      problems.set(place, [...(problems.get(place) ?? []), problem('refused-change', place, text)]);
    }
    this.reporter.problems.setAll('route', prefixes, problems, complete);
    const isRepair = this.#drift.ofPass();
    this.reporter.changes(done, isRepair);
    const repaired = done.find(isRepair);
    if (repaired !== undefined) {
      this.contests.routes.repaired(placeOf(repaired));
    }
    this.#deps.metrics.set('routes', this.#routes.owned);
    this.#deps.metrics.set('routes_desired', this.#routes.wanted.size);
    return { ok: failed.length === 0, stale: stale.length > 0, tunnelChanged };
  }

  #sysctls(host: DesiredHost): void {
    this.#settle('sysctls', this.#host.sysctls(host, this.#routes.facts!.hasPods));
  }

  #files(host: DesiredHost): boolean {
    return this.#settle('cni', this.#host.cni(host.conflist)) && host.conflist !== undefined;
  }

  #desired(): DesiredHost | undefined {
    return assembleHost(this.#nodes.index, this.#policy, this.#routes, this.#host, this.#chain);
  }

  /** Everything is programmed. Returns whether packets take the routes. */
  #ready(): boolean {
    if (!this.#programmed) {
      this.reporter.info('The data path is programmed');
    }
    this.#programmed = true;
    this.#deps.metrics.set('ready', 1);
    const { wanted, facts } = this.#routes;
    const problems = this.#deps.selfTest?.(testedState(wanted, this.#nodes.own, facts)) ?? [];
    this.reporter.problems.set('self-test', problems);
    return !problems.some(({ kind }) => problemKinds[kind].fatal);
  }

  #settle(area: 'sysctls' | 'rules' | 'cni', { done, problems, ok, drift }: HostOutcome): boolean {
    this.reporter.problems.set(area, problems);
    this.reporter.changes(done, () => drift);
    const repaired = drift ? done : [];
    for (const action of repaired) {
      if (action.kind === 'file') {
        this.#deps.onRepair?.(action.path);
      }
    }
    if (repaired[0] !== undefined) {
      this.contests[area === 'cni' ? 'files' : area].repaired(describe(repaired[0]));
    }
    return ok;
  }
}
