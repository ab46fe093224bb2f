/**
 * Enforces NetworkPolicies on this node: compiles what the API and the plugin report, and programs each batch of events in
 * the kernel. What could not be programmed leaves the old rules in place and is tried again.
 */
import { PolicyCompiler, type PolicyEvent, type Ruleset } from '@cnikit/policy/compile';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { type Problem, type ProblemKind, problem } from '../core/problem.ts';
import { type After, Timers } from '../core/timers.ts';
import { withRoom } from '../core/v8-flags.ts';
import { Connections, type Tracking } from './connections.ts';
import type { LocalPod, LocalPods } from './local-pods.ts';
import type { WatchedPolicy } from './objects.ts';
import { PodBook, type WatchedPod } from './pod-book.ts';
import { type RuleOptions, type Scope, scopeOf } from './rules.ts';
import type { Table } from './table.ts';
import { Waits } from './waits.ts';

export interface EnforcerDeps {
  table: Table;
  tracking: Tracking;
  /** Rules that depend on options. */
  rules?: RuleOptions | undefined;
  /** Slows down the repair of what another program keeps changing. */
  contest: { readonly delayMs: number; repaired(example: string): void };
  /** Takes the current problems, when they change and after the first programming. */
  report(problems: readonly Problem[]): void;
  metrics: Metrics;
  log: Log;
  after: After;
  /** Runs the body when the events at hand have been taken. */
  defer?: ((body: () => void) => void) | undefined;
}

/** The collections of the API that policies depend on. */
export const COLLECTIONS = ['pods', 'namespaces', 'policies'] as const;
export type Collection = (typeof COLLECTIONS)[number];

const RETRY_MS = { first: 1000, max: 30_000 } as const;
/** Events that are a whole cluster: compiling them takes more than a second. */
const MANY_EVENTS = 20_000;
/** Other programs change several objects in a row. */
const SETTLE_MS = 50;

export class Enforcer implements LocalPods {
  readonly #deps: EnforcerDeps;
  readonly #compiler: PolicyCompiler;
  readonly #pods: PodBook;
  readonly #timers: Timers<'retry' | 'verify'>;
  readonly #unsynced = new Set<Collection>(COLLECTIONS);
  readonly #faults = new Map<string, string>();
  readonly #refusals = new Map<Collection, string>();
  readonly #waits = new Waits();
  readonly #connections: Connections;
  #events: PolicyEvent[] = [];
  /** When the oldest of the events was taken. */
  #since: number | undefined;
  #ipvs = false;
  #scope: Scope | undefined;
  #scheduled = false;
  #rebuild = true;
  #failures = 0;
  #failure: string | undefined;
  #closed = false;

  constructor(node: string, deps: EnforcerDeps) {
    this.#deps = deps;
    this.#compiler = new PolicyCompiler(node);
    this.#pods = new PodBook(node);
    this.#timers = new Timers(deps.after);
    this.#connections = new Connections({
      ...deps,
      ruleset: () => this.ruleset,
      podAt: (address) => this.#pods.podAt(address),
      cutMark: deps.rules?.cutMark,
      onChange: () => this.#report(),
    });
  }

  /** True once the table holds the rules, also while a later change fails. */
  programmed = false;

  /** The rules as compiled. */
  get ruleset(): Ruleset {
    return this.#compiler.ruleset;
  }

  /** The pods of the API and of this node, for questions. */
  get pods(): Pick<PodBook, 'podAt' | 'foreign'> {
    return this.#pods;
  }

  /** Takes the pod networks of this node. Nothing is programmed before. */
  setPodCIDRs(podCIDRs: readonly string[]): void {
    if (podCIDRs.length > 0 && podCIDRs.join() !== this.#scope?.podCIDRs.join()) {
      this.#rescope(podCIDRs);
    }
  }

  /** Takes whether the kernel of this node has ipvs, which sends packets to Services on through the output hook. */
  setIpvs(present: boolean): void {
    if (present !== this.#ipvs) {
      this.#ipvs = present;
      this.#rescope(this.#scope?.podCIDRs);
    }
  }

  #rescope(podCIDRs: readonly string[] | undefined): void {
    this.#scope =
      podCIDRs && scopeOf(podCIDRs, { ...this.#deps.rules, foreign: this.#pods.foreign }, this.#ipvs);
    this.#rebuild = true;
    this.#schedule();
  }

  /** Takes a pod of the API; undefined: it was deleted. */
  putPod(key: string, pod: WatchedPod | undefined): void {
    this.#take(this.#pods.put(key, pod));
  }

  putPolicy(key: string, { policy, fault }: WatchedPolicy, exists = true): void {
    const before = this.#faults.get(key);
    if (fault !== undefined && exists) {
      this.#faults.set(key, fault);
    } else {
      this.#faults.delete(key);
    }
    if (before !== this.#faults.get(key)) {
      this.#report();
    }
    this.#take([{ type: exists ? 'put' : 'delete', object: policy }]);
  }

  /** Takes an event of a Namespace. */
  put(event: PolicyEvent): void {
    this.#take([event]);
  }

  /** A collection is complete. The first programming waits for all of them. */
  synced(collection: Collection): void {
    this.#unsynced.delete(collection);
    this.#schedule();
  }

  /** Takes why a collection cannot be read; undefined when it can. */
  refused(collection: Collection, message: string | undefined): void {
    if (this.#refusals.get(collection) === message) {
      return;
    }
    if (message === undefined) {
      this.#refusals.delete(collection);
    } else {
      this.#refusals.set(collection, message);
    }
    this.#report();
  }

  async claim(pod: LocalPod): Promise<void> {
    const events = this.#pods.claim(pod);
    const programmed = this.#waits.claim(pod.containerId);
    this.#take(events);
    await programmed;
  }

  async release(containerId: string): Promise<void> {
    const programmed = this.#waits.release(containerId);
    this.#take(this.#pods.release(containerId));
    await programmed;
  }

  /** Schedules a comparison with the kernel. Call it when another program changed the table. */
  check(): void {
    this.#timers.start('verify', Math.max(SETTLE_MS, this.#deps.contest.delayMs), () => this.verify());
  }

  /** Compares the table with the rules, and programs it again where it differs. */
  verify(): void {
    if (this.#rebuild || !this.programmed) {
      return;
    }
    this.#connections.check();
    try {
      const difference = this.#deps.table.difference(this.#compiler.ruleset);
      if (difference !== undefined) {
        this.#deps.metrics.add('drift_repairs');
        this.#deps.log.warn(
          {},
          `Another program changed the table of NetworkPolicies: ${difference}. Repairing it`,
        );
        this.#rebuild = true;
        this.#program();
        this.#deps.contest.repaired(difference);
      }
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  /** Stops. The table stays as it is. */
  close(): void {
    this.#closed = true;
    this.#timers.close();
    this.#connections.close();
    this.#waits.close();
  }

  #take(events: readonly PolicyEvent[]): void {
    this.#events.push(...events);
    this.#since ??= performance.now();
    this.#schedule();
  }

  #schedule(): void {
    const waits = this.#unsynced.size > 0 || this.#scope === undefined || this.#timers.due('retry');
    if (this.#scheduled || this.#closed || waits) {
      return;
    }
    this.#scheduled = true;
    (this.#deps.defer ?? setImmediate)(() => {
      this.#scheduled = false;
      this.#program();
    });
  }

  #program(): void {
    if (this.#closed || this.#scope === undefined) {
      return;
    }
    const { table, metrics } = this.#deps;
    const commits = table.commits;
    try {
      const events = this.#events;
      this.#events = [];
      const compile = () => this.#compiler.apply(events);
      const changes = events.length < MANY_EVENTS ? compile() : withRoom(compile);
      this.#connections.take(changes);
      if (this.#rebuild) {
        this.#connections.lostPods(table.rebuild(this.#compiler.ruleset, this.#scope));
      } else if (this.#pods.foreign.takeChange() || changes.length > 0) {
        table.apply(changes);
      }
    } catch (error) {
      this.#failed(error as Error);
      return;
    } finally {
      metrics.add('policy_transactions', table.commits - commits);
    }
    if (table.commits > commits && this.#since !== undefined) {
      metrics.observe('policy_sync_duration_seconds', (performance.now() - this.#since) / 1000);
    }
    metrics.set('policy_generation', table.commits);
    // First: a caller of release() takes the address for free afterwards.
    this.#connections.programmed(table.commits > commits);
    this.#succeeded();
  }

  #succeeded(): void {
    this.#since = undefined;
    this.#rebuild = false;
    this.#failures = 0;
    this.#timers.stop('retry');
    const recovered = !this.programmed || this.#failure !== undefined;
    this.programmed = true;
    this.#waits.programmed((containerId) => this.#pods.isKnown(containerId));
    this.#deps.metrics.set('policy_closed_pods', this.#waits.closedPods);
    if (recovered) {
      this.#failure = undefined;
      this.#report();
    }
  }

  /** The kernel keeps the old rules. A rebuild is tried with growing delays. */
  #failed({ message }: Error): void {
    this.#rebuild = true;
    this.#failures++;
    this.#failure = `Cannot program NetworkPolicies: ${message}. The rules of before stay in place, and new pods stay closed`;
    this.#deps.metrics.add('policy_failures');
    this.#deps.metrics.set('policy_closed_pods', this.#waits.closedPods);
    this.#waits.failed((containerId) => this.#pods.isKnown(containerId), new Error(this.#failure));
    this.#report();
    const delay = Math.min(RETRY_MS.first * 2 ** (this.#failures - 1), RETRY_MS.max);
    this.#timers.start('retry', delay, () => this.#program());
  }

  #report(): void {
    this.#deps.report([
      ...optional('policy', this.#failure),
      ...optional('policy-established', this.#connections.failure),
      ...[...this.#refusals].map(([collection, message]) => problem('policy-api', collection, message)),
      ...[...this.#faults].map(([key, fault]) =>
        problem(
          'policy-object',
          key,
          `${fault}. The policy denies all connections of the pods that it selects`,
        ),
      ),
    ]);
  }
}

const optional = (kind: ProblemKind, message: string | undefined): Problem[] =>
  message === undefined ? [] : [problem(kind, '', message)];
