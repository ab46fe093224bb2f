/**
 * When to do what: node and kernel events, a slow resync, retries. Everything it does is synchronous, so no two passes
 * overlap; time and effects come through {@link AgentParts}.
 */
import type { Logger } from 'pino';
import type { Kernel, KernelEvent } from './apply/kernel.ts';
import { Claims } from './desired/claims.ts';
import { type DesiredHost, desiredHost, ownProblem, type Policy, problemsOf } from './desired/index.ts';
import { type Action, describe } from './diff.ts';
import { Host, type HostParts } from './host.ts';
import type { Metrics } from './metrics.ts';
import type { NodeInfo } from './model.ts';
import { sameNode } from './observe/node.ts';
import { Problems } from './observe/problems.ts';
import { isOwn } from './observe/route-table.ts';
import { Routes } from './routes.ts';

/** Runs `body` later; the returned function prevents it. */
export type After = (ms: number, body: () => void) => () => void;

export interface AgentParts extends HostParts {
  kernel: Kernel;
  log: Logger;
  metrics: Metrics;
  after: After;
  /** Sets condition NetworkUnavailable of this node to False. */
  clearNetworkUnavailable?: () => Promise<void>;
  /** Called after the set of nodes changed in what the agent uses. */
  onNodes?: (nodes: Iterable<NodeInfo>) => void;
}

export interface LoopOptions extends Policy {
  outsideInterface?: string;
  /** Milliseconds between two complete passes. */
  resyncMs: number;
}

/** A burst of kernel events is one pass. */
const SETTLE_MS = 50;
/** At most one pass over the rules in this time, as each starts programs that take the lock of all rules. */
const RULES_MS = 1000;
const RETRY_MS = { first: 1000, most: 60_000 } as const;
/** More changes than this in one pass are summed up in one line. */
const LINES = 20;

export class Agent {
  readonly #parts: AgentParts;
  readonly #options: LoopOptions;
  readonly #claims = new Claims();
  readonly #routes: Routes;
  readonly #host: Host;
  readonly #problems: Problems;
  /** Destinations to look at in the next pass. */
  readonly #dirty = new Set<string>();
  readonly #cancel = new Map<string, () => void>();
  #retryMs: number = RETRY_MS.first;
  #programmed = false;
  #patching = false;
  #closed = false;

  constructor(parts: AgentParts, options: LoopOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#routes = new Routes(this.#claims, parts.kernel, options);
    this.#host = new Host(parts);
    this.#problems = new Problems(parts.log);
  }

  /** True once the whole data path was programmed, conflist included. */
  get ready(): boolean {
    return this.#programmed;
  }

  /** Everything that stands in the way now. */
  get problems(): Problems {
    return this.#problems;
  }

  nodes(): Iterable<NodeInfo> {
    return this.#claims.nodes();
  }

  /**
   * The complete set of nodes. A set without this node is not believed where it takes nodes away: an API server that
   * lost its data must not cost the cluster its routes.
   */
  setNodes(nodes: Iterable<NodeInfo>): void {
    const listed = new Map([...nodes].map((node) => [node.name, node]));
    if (listed.has(this.#options.nodeName))
      for (const { name } of [...this.#claims.nodes()]) if (!listed.has(name)) this.#forget(name);
    for (const node of listed.values()) this.#learn(node);
    this.#stateOwn(listed.has(this.#options.nodeName));
    this.resync();
  }

  /** A node that appeared or changed. */
  putNode(node: NodeInfo): void {
    const before = this.#claims.get(node.name);
    if (before !== undefined && sameNode(before, node)) {
      if (node.name === this.#options.nodeName) this.#stateOwn(true);
      return;
    }
    this.#learn(node);
    if (node.name !== this.#options.nodeName) return this.#soon();
    this.#stateOwn(true);
    this.resync();
  }

  /** A node that went. This node's own data path stays: its pods run until somebody stops them. */
  deleteNode(name: string): void {
    if (name === this.#options.nodeName) return this.#stateOwn(false);
    this.#forget(name);
    this.#soon();
  }

  onKernel(event: KernelEvent): void {
    if (event.type === 'route' && isOwn(event.route)) {
      this.#routes.observe(event.op, event.route);
      this.#dirty.add(event.route.dst);
      return this.#soon();
    }
    if (event.type === 'overflow') this.#parts.metrics.add('kernel_overflows');
    if (this.#concerns(event)) this.#schedule('dump', SETTLE_MS, () => this.#reload());
  }

  /** A complete pass: dump, decide everything, change what differs. */
  resync(): void {
    if (this.#closed) return;
    this.#stop('dump');
    this.#schedule('resync', this.#options.resyncMs, () => this.resync());
    const started = performance.now();
    try {
      this.#routes.load();
      this.#complete();
    } catch (error) {
      this.#failed(error);
    }
    this.#parts.metrics.add('resyncs');
    this.#parts.metrics.set('resync_seconds', (performance.now() - started) / 1000);
  }

  /** After events that only a dump explains: rules and files are looked at only if the facts changed. */
  #reload(): void {
    try {
      if (this.#routes.load()) this.#complete();
      else if (!this.#syncRoutes(true)) this.#retry();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Something outside changed the CNI files: look at them only. */
  checkFiles(): void {
    if (!this.#programmed) return;
    this.#schedule('files', SETTLE_MS, () => this.#files(this.#desired()));
  }

  /** Ends the loop and leaves the node as it is. */
  close(): void {
    this.#closed = true;
    for (const name of [...this.#cancel.keys()]) this.#stop(name);
  }

  #failed(error: unknown): void {
    this.#problems.set('pass', [
      { key: 'pass', message: `The kernel could not be read or written: ${(error as Error).message}` },
    ]);
    this.#retry();
  }

  #learn(node: NodeInfo): void {
    for (const prefix of this.#claims.set(node)) this.#dirty.add(prefix);
    this.#problems.set(`node ${node.name}`, problemsOf(node, this.#options.nodeName));
    this.#parts.onNodes?.(this.#claims.nodes());
  }

  #forget(name: string): void {
    for (const prefix of this.#claims.delete(name)) this.#dirty.add(prefix);
    this.#problems.set(`node ${name}`, []);
    this.#parts.onNodes?.(this.#claims.nodes());
  }

  #stateOwn(listed: boolean): void {
    const own = listed ? this.#claims.get(this.#options.nodeName) : undefined;
    this.#problems.set('own', ownProblem(own, this.#options.nodeName));
  }

  /** Sysctls, routes, rules, executable, conflist: in this order, as the last one makes the node Ready. */
  #complete(): void {
    const host = this.#desired();
    this.#problems.set('host', host?.problems ?? []);
    let ok = true;
    if (host !== undefined) ok = this.#report('sysctls', this.#host.sysctls(host));
    ok = this.#syncRoutes(true) && ok;
    if (host !== undefined && this.#claims.get(this.#options.nodeName) !== undefined) {
      const rules = this.#report('rules', this.#host.rules(host.rules));
      // Without the rules a new node must not become Ready; on a node that is, the files are still kept right.
      const files = rules || this.#programmed ? this.#files(host) : false;
      ok = rules && files && ok;
      if (rules && files) this.#ready();
    }
    this.#problems.set('pass', []);
    this.#stop('retry');
    if (ok) this.#retryMs = RETRY_MS.first;
    else this.#retry();
  }

  /** Only what a node event can have changed: the routes of that node, and the rules if they name it. */
  #partial(): void {
    if (this.#closed || this.#routes.facts === undefined) return;
    try {
      if (!this.#syncRoutes(false)) this.#retry();
    } catch (error) {
      return this.#failed(error);
    }
    const host = this.#desired();
    if (host === undefined || !this.#host.rulesDiffer(host.rules)) return;
    if (this.#cancel.has('pause')) return this.#schedule('rules', RULES_MS, () => this.#partial());
    this.#schedule('pause', RULES_MS, () => undefined);
    if (!this.#report('rules', this.#host.rules(host.rules))) this.#retry();
  }

  #syncRoutes(complete: boolean): boolean {
    const prefixes = new Set(this.#dirty);
    this.#dirty.clear();
    if (this.#claims.get(this.#options.nodeName) === undefined) return true;
    if (complete) for (const prefix of this.#claims.prefixes()) prefixes.add(prefix);
    const { done, failed, problems } = this.#routes.sync(prefixes, complete);
    for (const [dst, list] of problems) {
      const failure = failed.find(
        ({ action }) => (action.op === 'remove' ? action.old.dst : action.route.dst) === dst,
      );
      this.#problems.set(
        `route ${dst}`,
        failure === undefined
          ? list
          : [
              ...list,
              {
                key: `write ${dst}`,
                message: `The kernel refused ${describe(failure.action).slice(2)}: ${failure.message}`,
              },
            ],
      );
    }
    this.#report('routes', { done, problems: [], ok: true });
    this.#parts.metrics.set('routes', this.#routes.own().length);
    return failed.length === 0;
  }

  #files(host: DesiredHost | undefined): boolean {
    return host === undefined || this.#report('cni', this.#host.cni(host.conflist));
  }

  #desired(): DesiredHost | undefined {
    const { facts } = this.#routes;
    return facts === undefined ? undefined : desiredHost(this.#claims, this.#options, facts);
  }

  #ready(): void {
    if (!this.#programmed) this.#parts.log.info('The data path is programmed');
    this.#programmed = true;
    this.#clearCondition();
  }

  #clearCondition(): void {
    const own = this.#claims.get(this.#options.nodeName);
    const from = own?.networkUnavailable;
    const { clearNetworkUnavailable } = this.#parts;
    if (clearNetworkUnavailable === undefined || from === 'False' || own === undefined || this.#patching)
      return;
    this.#patching = true;
    clearNetworkUnavailable().then(
      () => {
        this.#patching = false;
        this.#problems.set('condition', []);
        this.#report('condition', {
          done: [{ kind: 'condition', node: own.name, from: from ?? 'unset' }],
          problems: [],
          ok: true,
        });
      },
      (error: Error) => {
        this.#patching = false;
        if (this.#closed) return;
        this.#problems.set('condition', [
          {
            key: 'condition',
            message: `Condition NetworkUnavailable of node ${own.name} could not be set to False: ${error.message}`,
          },
        ]);
        this.#retry();
      },
    );
  }

  /** True for events after which only a dump tells the facts; pods coming and going are none. */
  #concerns(event: KernelEvent): boolean {
    const { facts } = this.#routes;
    if (facts === undefined) return false;
    switch (event.type) {
      case 'overflow':
        return true;
      case 'link':
        return (
          Object.values(facts.outside).some(({ index }) => index === event.index) ||
          facts.table.some(({ oif }) => oif === event.index)
        );
      case 'address':
        return !event.address.startsWith('fe80:');
      case 'route':
        return !event.route.dst.startsWith('fe80:');
    }
  }

  #report(
    area: string,
    {
      done,
      problems,
      ok,
    }: { done: readonly Action[]; problems: readonly { key: string; message: string }[]; ok: boolean },
  ): boolean {
    const { log, metrics } = this.#parts;
    if (area !== 'routes' && area !== 'condition') this.#problems.set(area, problems);
    metrics.add('changes', done.length);
    if (done.length > LINES) log.info({ changes: done.length, first: describe(done[0]!) }, `Changed ${area}`);
    else for (const action of done) log.info({ change: action.kind }, describe(action));
    return ok;
  }

  #soon(): void {
    this.#schedule('soon', 0, () => this.#partial());
  }

  #retry(): void {
    if (this.#cancel.has('retry')) return;
    this.#schedule('retry', this.#retryMs, () => this.resync());
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS.most);
  }

  /** Keeps the earlier time when `name` is already due, except for the resync, which starts over. */
  #schedule(name: string, ms: number, body: () => void): void {
    if (this.#closed) return;
    if (name === 'resync') this.#stop(name);
    if (this.#cancel.has(name)) return;
    this.#cancel.set(
      name,
      this.#parts.after(ms, () => {
        this.#cancel.delete(name);
        body();
      }),
    );
  }

  #stop(name: string): void {
    this.#cancel.get(name)?.();
    this.#cancel.delete(name);
  }
}
