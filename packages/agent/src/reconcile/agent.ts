/**
 * When to do what: node and kernel events, a slow resync, retries. Everything it does is synchronous, so no two passes
 * overlap; time and effects come through {@link AgentParts}.
 */

import { type Action, describe, placeOf } from '../core/action.ts';
import type { Kernel, KernelEvent } from '../core/kernel.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import type { Chain, NodeInfo, NodeRoute } from '../core/model.ts';
import { type Problem, problem } from '../core/problem.ts';
import { type After, Timers } from '../core/timers.ts';
import { Claims } from '../desired/claims.ts';
import { type DesiredHost, ownProblem, type Policy, problemsOf } from '../desired/desired-host.ts';
import { concerns } from '../observe/facts.ts';
import { sameNode } from '../observe/node.ts';
import { isOwn } from '../observe/route-table.ts';
import { Drift } from './drift.ts';
import { Host, type HostOutcome, type HostParts } from './host-reconciler.ts';
import { NodeWrite } from './node-patch.ts';
import { assembleHost } from './node-plan.ts';
import { Report } from './reporter.ts';
import { Routes } from './route-reconciler.ts';

export interface AgentParts extends HostParts {
  kernel: Kernel;
  log: Log;
  metrics: Metrics;
  after: After;
  /** The plugins to chain behind ours; absent: none. */
  chain?: () => Chain;
  /** Whether packets take the routes, as problems. */
  selfTest?: (routes: ReadonlyMap<string, NodeRoute>) => Problem[];
  /** Called after each pass. */
  onPass?: () => void;
  /** Sets condition NetworkUnavailable of this node to False; absent: the condition is left alone. */
  clearNetworkUnavailable?: (nodeName: string) => Promise<void>;
  /** Removes the taint that keeps pods away until the data path is programmed; absent: there is none. */
  readinessTaint?: { key: string; remove: (nodeName: string) => Promise<void> };
  /** Called for each file that somebody else had changed or removed and that is right again. */
  onRepair?: (path: string) => void;
  /** Called when a node changed in what the agent uses. */
  onNodes?: () => void;
}

export interface LoopOptions extends Policy {
  outsideInterface?: string;
  /** Milliseconds between two complete passes. */
  resyncMs: number;
}

/** A burst of kernel events is one pass. */
const SETTLE_MS = 50;
/**
 * At most one look at the rules in this time: they follow from all nodes, and a change starts programs that take the
 * lock of all rules.
 */
const RULES_MS = 1000;
const RETRY_MS = { first: 1000, most: 60_000 } as const;

export class Agent {
  readonly #parts: AgentParts;
  readonly #options: LoopOptions;
  readonly #claims = new Claims();
  readonly #routes: Routes;
  readonly #host: Host;
  readonly #report: Report;
  readonly #nodeWrites: readonly NodeWrite[];
  readonly #timers: Timers<'soon' | 'reload' | 'resync' | 'retry' | 'rules' | 'pause' | 'files'>;
  /** Destinations to look at in the next pass. */
  readonly #dirty = new Set<string>();
  readonly #drift = new Drift();
  /** Nodes that went, until the next pass that believes it. */
  readonly #gone = new Set<string>();
  /** Whether the API has this node. */
  #listed = false;
  #retryMs: number = RETRY_MS.first;
  #chain: Chain | undefined;
  /** Some node changed since the rules were last decided. */
  #nodesMoved = false;
  /** Somebody changed rules since they were last read. */
  #rulesTouched = false;
  #programmed = false;

  constructor(parts: AgentParts, options: LoopOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#routes = new Routes(this.#claims, parts.kernel, options);
    this.#host = new Host(parts);
    this.#report = new Report(parts.log, parts.metrics);
    this.#timers = new Timers(parts.after);
    this.#nodeWrites = [...this.#conditionWrite(), ...this.#taintWrite()];
  }

  #conditionWrite(): NodeWrite[] {
    const { clearNetworkUnavailable: write } = this.#parts;
    if (write === undefined) {
      return [];
    }
    const settled = ({ name: node, networkUnavailable }: NodeInfo, error?: Error): void =>
      this.#nodeWritten('condition', error, {
        kind: 'condition',
        node,
        from: networkUnavailable ?? 'unset',
      });
    return [new NodeWrite({ needed: (own) => own.networkUnavailable !== 'False', write, settled })];
  }

  #taintWrite(): NodeWrite[] {
    const { readinessTaint } = this.#parts;
    if (readinessTaint === undefined) {
      return [];
    }
    const { key, remove: write } = readinessTaint;
    const settled = ({ name: node }: NodeInfo, error?: Error): void =>
      this.#nodeWritten('taint', error, { kind: 'taint', node, key });
    return [new NodeWrite({ needed: (own) => own.taints?.includes(key) === true, write, settled })];
  }

  /** True once the whole data path was programmed, conflist included. */
  get ready(): boolean {
    return this.#programmed;
  }

  /** Everything that stands in the way now. */
  get problems(): Iterable<Problem> {
    return this.#report.problems;
  }

  /** When the route to each podCIDR was changed last, ms since the epoch, as far as it was by this agent. */
  get changedAt(): ReadonlyMap<string, number> {
    return this.#report.changedAt;
  }

  nodes(): Iterable<NodeInfo> {
    return this.#claims.nodes();
  }

  /** The complete set of nodes. */
  setNodes(nodes: Iterable<NodeInfo>): void {
    const listed = new Map([...nodes].map((node) => [node.name, node]));
    for (const { name } of this.#claims.nodes()) {
      if (!listed.has(name)) {
        this.#gone.add(name);
      }
    }
    for (const node of listed.values()) {
      this.#learn(node);
    }
    this.#stateOwn(listed.has(this.#options.nodeName));
    this.resync();
  }

  /** A node that appeared or changed. */
  putNode(node: NodeInfo): void {
    const own = node.name === this.#options.nodeName;
    const back = own && !this.#listed;
    const changed = this.#learn(node);
    if (own) {
      this.#stateOwn(true);
    }
    if (own && (changed || back)) {
      this.resync();
    } else if (changed) {
      this.#soon();
    }
  }

  /** A node that went. This node's own data path stays: its pods run until somebody stops them. */
  deleteNode(name: string): void {
    if (name === this.#options.nodeName) {
      this.#stateOwn(false);
    } else {
      this.#gone.add(name);
    }
    this.#soon();
  }

  onKernel(event: KernelEvent): void {
    if (event.type === 'route' && isOwn(event.route)) {
      this.#routes.observe(event.op, event.route);
      this.#dirty.add(event.route.dst);
      this.#soon();
      return;
    }
    if (event.type === 'neighbour') {
      if (this.#routes.observeNeighbour(event.op, event.neighbour)) {
        this.#soon();
      }
      return;
    }
    if (event.type === 'overflow') {
      this.#parts.metrics.add('kernel_overflows');
    }
    const { facts } = this.#routes;
    if (facts !== undefined && concerns(facts, event)) {
      this.#timers.start('reload', SETTLE_MS, () => this.#reload());
    }
  }

  /** A complete pass: dump, decide everything, change what differs. */
  resync(): void {
    if (this.#timers.closed) {
      return;
    }
    this.#timers.stop('reload');
    this.#timers.restart('resync', this.#options.resyncMs, () => this.resync());
    this.#guarded(() => {
      this.#load();
      this.#complete();
    }, 'complete');
    this.#parts.metrics.add('resyncs');
  }

  /** Something changed beside the CNI files: look at them only. */
  checkFiles(): void {
    if (this.#programmed) {
      this.#timers.start('files', SETTLE_MS, () => {
        this.#chain = this.#parts.chain?.();
        if (!this.#files(this.#desired())) {
          this.#retry();
        }
      });
    }
  }

  /** Somebody changed rules that are ours or stand beside ours. What the agent's own writes cause ends with one look. */
  checkRules(): void {
    if (!this.#programmed) {
      return;
    }
    this.#rulesTouched = true;
    this.#rulesSoon(SETTLE_MS);
  }

  /** Ends the loop and leaves the node as it is. */
  close(): void {
    this.#timers.close();
  }

  /** After events that only a dump explains: rules and files are looked at only if the facts changed. */
  #reload(): void {
    this.#guarded(() => {
      const changed = this.#load();
      if (changed) {
        this.#complete();
      } else {
        const { ok, tunnelChanged } = this.#syncRoutes(true);
        if (tunnelChanged) {
          this.#complete();
        } else if (!ok) {
          this.#retry();
        }
      }
    }, 'complete');
  }

  #load(): boolean {
    this.#chain = this.#parts.chain?.();
    const changed = this.#routes.load();
    if (changed) {
      this.#drift.allMoved();
    }
    return changed;
  }

  /** Sysctls, routes, rules, executable, conflist: in this order, as the last one makes the node Ready. */
  #complete(): void {
    this.#reap();
    const own = this.#claims.get(this.#options.nodeName);
    const before = this.#desired();
    if (before !== undefined) {
      this.#sysctls(before);
    }
    let { ok, tunnelChanged } = this.#syncRoutes(true);
    // The tunnel, if it was made or removed, is part of what is decided.
    const host = this.#desired();
    if (host !== undefined && tunnelChanged) {
      this.#sysctls(host);
    }
    this.#report.problems.set('host', host?.problems ?? []);
    if (host !== undefined && own !== undefined) {
      const rules = this.#done('rules', this.#host.rules(host, true));
      // Without the rules a new node must not become Ready; on a node that is, the files are still kept right.
      const files = (rules || this.#programmed) && this.#files(host);
      if (rules && files) {
        this.#ready();
        if (this.#selfTested()) {
          for (const write of this.#nodeWrites) {
            write.ensure(own);
          }
        }
      }
      ok = ok && rules && files;
    }
    this.#timers.stop('retry');
    if (ok) {
      this.#retryMs = RETRY_MS.first;
    } else {
      this.#retry();
    }
  }

  /** Only what a node event can have changed: the routes of that node, and the rules if they name it. */
  #partial(): void {
    if (this.#routes.facts === undefined) {
      return;
    }
    this.#guarded(() => {
      this.#reap();
      const { ok, tunnelChanged } = this.#syncRoutes(false);
      if (tunnelChanged) {
        return this.#complete();
      }
      if (!ok) {
        this.#retry();
      }
      if (this.#nodesMoved) {
        this.#rulesSoon(0);
      }
    }, 'event');
  }

  #rulesSoon(ms: number): void {
    this.#timers.start('rules', this.#timers.due('pause') ? RULES_MS : ms, () => this.#rules());
  }

  /** The rules and their sets, if a node event or somebody else may have made them differ. */
  #rules(): void {
    this.#timers.start('pause', RULES_MS, () => undefined);
    this.#guarded(() => {
      const host = this.#desired();
      const touched = this.#rulesTouched;
      this.#nodesMoved = false;
      this.#rulesTouched = false;
      if (host === undefined) {
        return;
      }
      if (!this.#done('rules', this.#host.rules(host, touched))) {
        this.#retry();
      }
    }, 'event');
  }

  #guarded(body: () => void, scope: 'complete' | 'event'): void {
    const started = performance.now();
    try {
      body();
      this.#report.problems.set('kernel', []);
    } catch (error) {
      const message = `The kernel could not be read or written: ${(error as Error).message}`;
      this.#report.problems.set('kernel', [problem('kernel', '', message)]);
      this.#retry();
    }
    this.#parts.onPass?.();
    this.#parts.metrics.observe('sync_duration_seconds', (performance.now() - started) / 1000, { scope });
  }

  #syncRoutes(complete: boolean): { ok: boolean; tunnelChanged: boolean } {
    const prefixes = new Set(this.#dirty);
    this.#dirty.clear();
    if (this.#claims.get(this.#options.nodeName) === undefined) {
      return { ok: true, tunnelChanged: false };
    }
    if (complete) {
      for (const prefix of this.#claims.prefixes()) {
        prefixes.add(prefix);
      }
    }
    const { done, failed: refused, problems, tunnelChanged } = this.#routes.sync(prefixes, complete);
    // Without a dump before it, a refusal may only mean that the events of an earlier change are still on their way.
    const stale = refused.filter(({ code }) => !complete && (code === 'EEXIST' || code === 'ESRCH'));
    if (stale.length > 0) {
      this.#timers.start('reload', SETTLE_MS, () => this.#reload());
    }
    const failed = refused.filter((failure) => !stale.includes(failure));
    for (const { action, message } of failed) {
      const place = placeOf(action);
      const refused = `The kernel refused ${describe(action).slice(2)}: ${message}`;
      problems.set(place, [...(problems.get(place) ?? []), problem('refused-change', place, refused)]);
    }
    this.#report.problems.setAll('route', prefixes, problems, complete);
    this.#report.changes(done, this.#drift.ofPass());
    this.#parts.metrics.set('routes', this.#routes.owned);
    this.#parts.metrics.set('routes_desired', this.#routes.wanted.size);
    return { ok: failed.length === 0, tunnelChanged };
  }

  #sysctls(host: DesiredHost): void {
    this.#done('sysctls', this.#host.sysctls(host, this.#routes.facts!.pods));
  }

  #files(host: DesiredHost | undefined): boolean {
    return (
      host === undefined || (this.#done('cni', this.#host.cni(host.conflist)) && host.conflist !== undefined)
    );
  }

  #desired(): DesiredHost | undefined {
    return assembleHost(this.#claims, this.#options, this.#routes, this.#host, this.#chain);
  }

  #ready(): void {
    if (!this.#programmed) {
      this.#report.said('The data path is programmed');
    }
    this.#programmed = true;
    this.#parts.metrics.set('ready', 1);
  }

  #selfTested(): boolean {
    const problems = this.#parts.selfTest?.(this.#routes.wanted) ?? [];
    this.#report.problems.set('self-test', problems);
    return problems.length === 0;
  }

  #nodeWritten(area: 'condition' | 'taint', error: Error | undefined, action: Action): void {
    if (this.#timers.closed) {
      return;
    }
    const message = `${describe(action).slice(2)} could not be done: ${error?.message}`;
    this.#report.problems.set(area, error === undefined ? [] : [problem(area, '', message)]);
    if (error === undefined) {
      this.#report.changes([action]);
    } else {
      this.#retry();
    }
  }

  #done(area: 'sysctls' | 'rules' | 'cni', { done, problems, ok, drift }: HostOutcome): boolean {
    this.#report.problems.set(area, problems);
    this.#report.changes(done, () => drift);
    for (const action of drift ? done : []) {
      if (action.kind === 'file') {
        this.#parts.onRepair?.(action.path);
      }
    }
    return ok;
  }

  /** True when the node is new or differs in something that is used. */
  #learn(node: NodeInfo): boolean {
    this.#gone.delete(node.name);
    const before = this.#claims.get(node.name);
    if (before !== undefined && sameNode(before, node)) {
      return false;
    }
    for (const prefix of this.#claims.set(node)) {
      this.#moved(prefix);
    }
    this.#nodeChanged(node.name, problemsOf(node, this.#options.nodeName));
    return true;
  }

  /**
   * Forgets the nodes that went, unless this node itself is missing from the API: an API server that lost its data
   * must not cost the cluster its routes.
   */
  #reap(): void {
    if (!this.#listed) {
      return;
    }
    for (const name of this.#gone) {
      for (const prefix of this.#claims.delete(name)) {
        this.#moved(prefix);
      }
      this.#nodeChanged(name, []);
    }
    this.#gone.clear();
  }

  #moved(prefix: string): void {
    this.#dirty.add(prefix);
    this.#drift.moved(prefix);
  }

  #nodeChanged(name: string, problems: readonly Problem[]): void {
    this.#nodesMoved = true;
    this.#report.problems.set('node', problems, name);
    this.#parts.metrics.set('nodes', this.#claims.size);
    this.#parts.onNodes?.();
  }

  #stateOwn(listed: boolean): void {
    this.#listed = listed;
    const own = listed ? this.#claims.get(this.#options.nodeName) : undefined;
    this.#report.problems.set('own-node', ownProblem(own, this.#options.nodeName));
  }

  #soon(): void {
    this.#timers.start('soon', 0, () => this.#partial());
  }

  #retry(): void {
    if (this.#timers.due('retry')) {
      return;
    }
    this.#timers.start('retry', this.#retryMs, () => this.resync());
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS.most);
  }
}
