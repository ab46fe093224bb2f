/** The agent: takes node, kernel and file events, and runs the pass that each needs. Passes never overlap. */
import { type Action, describe } from '../core/action.ts';
import type { KernelEvent } from '../core/kernel.ts';
import type { NodeInfo } from '../core/model.ts';
import { type Problem, problem } from '../core/problem.ts';
import type { Policy } from '../desired/desired-host.ts';
import { NodeBook } from './node-book.ts';
import type { NodePatch } from './node-patch.ts';
import { type NodePatchOptions, nodePatches } from './node-patches.ts';
import { type PassResult, Reconciler, type ReconcilerDeps } from './reconciler.ts';
import { Scheduler } from './scheduler.ts';

export interface AgentDeps extends ReconcilerDeps, NodePatchOptions {
  /** Called after each pass. */
  onPass?: () => void;
  /** Called when a field in use of a node has changed. */
  onNodes?: () => void;
}

export interface AgentOptions extends Policy {
  outsideInterface?: string | undefined;
  /** Milliseconds between two complete passes. */
  resyncMs: number;
}

export class Agent {
  readonly #deps: AgentDeps;
  readonly #nodes: NodeBook;
  readonly #reconciler: Reconciler;
  readonly #scheduler: Scheduler;
  readonly #patches: readonly NodePatch[];

  constructor(deps: AgentDeps, options: AgentOptions) {
    this.#deps = deps;
    this.#nodes = new NodeBook(options.nodeName, (change) => {
      this.#reconciler.nodeChanged(change);
      deps.onNodes?.();
    });
    this.#reconciler = new Reconciler(deps, options, this.#nodes);
    const passes = {
      partial: () => this.#partial(),
      reload: () => this.#pass('complete', () => this.#reconciler.reload()),
      resync: () => this.resync(),
      settings: () => this.#pass('event', () => this.#reconciler.settings()),
      rules: () => this.#pass('event', () => this.#reconciler.rules()),
      files: () => {
        this.#settle(this.#reconciler.files());
        deps.onPass?.();
      },
    };
    this.#scheduler = new Scheduler(deps.after, passes, options.resyncMs);
    this.#patches = nodePatches(deps, (kind, action, error) => this.#patched(kind, action, error));
  }

  /** True once the whole data path was programmed, conflist included. */
  get ready(): boolean {
    return this.#reconciler.programmed;
  }

  /** Every current problem. */
  get problems(): Iterable<Problem> {
    return this.#reconciler.reporter.problems;
  }

  /** When this agent last changed the route to each podCIDR, ms since the epoch. */
  get changedAt(): ReadonlyMap<string, number> {
    return this.#reconciler.reporter.changedAt;
  }

  nodes(): Iterable<NodeInfo> {
    return this.#nodes.index.nodes();
  }

  /** Takes the complete list of nodes. */
  setNodes(nodes: Iterable<NodeInfo>): void {
    this.#nodes.replace(nodes);
    this.#reportOwnNode();
    this.resync();
  }

  /** Takes a node that is new or modified. */
  putNode(node: NodeInfo): void {
    const pass = this.#nodes.put(node);
    this.#reportOwnNode();
    if (pass === 'complete') {
      this.resync();
    } else if (pass === 'partial') {
      this.#scheduler.schedulePartial();
    }
  }

  /** Takes the deletion of a node. The data path of this node itself stays: its pods run on. */
  deleteNode(name: string): void {
    this.#nodes.delete(name);
    this.#reportOwnNode();
    this.#scheduler.schedulePartial();
  }

  onKernel(event: KernelEvent): void {
    const pass = this.#reconciler.observe(event);
    if (pass === 'partial') {
      this.#scheduler.scheduleRepair(this.#reconciler.contests.routes.delayMs);
    } else if (pass === 'reload') {
      this.#scheduler.scheduleReload(this.#reconciler.contests.routes.delayMs);
    } else if (pass === 'settings') {
      this.#scheduler.scheduleSettings(this.#reconciler.contests.sysctls.delayMs);
    }
  }

  /** Runs a complete pass: dumps the kernel, decides everything, changes what differs. */
  resync(): void {
    if (this.#scheduler.closed) {
      return;
    }
    this.#scheduler.resyncStarts();
    this.#pass('complete', () => this.#reconciler.resync());
    this.#deps.metrics.add('resyncs');
  }

  /** Schedules a pass over the CNI files. Call it when a file beside them has changed. */
  checkFiles(): void {
    if (this.ready) {
      this.#scheduler.scheduleFiles(this.#reconciler.contests.files.delayMs);
    }
  }

  /**
   * Schedules a pass over the rules. Call it when rules of ours or beside ours have changed. The agent's own
   * writes cause one extra pass.
   */
  checkRules(): void {
    if (!this.ready) {
      return;
    }
    this.#reconciler.observeRules();
    this.#scheduler.scheduleRulesRepair(this.#reconciler.contests.rules.delayMs);
  }

  /** Stops all passes and leaves the node as it is. */
  close(): void {
    this.#scheduler.close();
    this.#reconciler.close();
  }

  /** Takes problems that a part outside of the passes found; empty when they have ended. */
  report(
    area: 'readiness' | 'contested' | 'pods' | 'policy',
    problems: readonly Problem[],
    place: string,
  ): void {
    this.#reconciler.reporter.problems.set(area, problems, place);
  }

  #partial(): void {
    if (!this.#reconciler.loaded) {
      return;
    }
    this.#pass('event', () => {
      const result = this.#reconciler.partial();
      if (!result.complete && this.#reconciler.rulesDue) {
        this.#scheduler.scheduleRules(false);
      }
      return result;
    });
  }

  #pass(scope: 'complete' | 'event', body: () => PassResult): void {
    const started = performance.now();
    const { problems } = this.#reconciler.reporter;
    try {
      this.#settle(body());
      problems.set('kernel', []);
    } catch (error) {
      const message = `Cannot read or write the kernel's state: ${(error as Error).message}`;
      problems.set('kernel', [problem('kernel', '', message)]);
      this.#scheduler.retry();
    }
    this.#deps.onPass?.();
    this.#deps.metrics.observe('sync_duration_seconds', (performance.now() - started) / 1000, { scope });
  }

  #settle({ ok, complete, stale, usable }: PassResult): void {
    if (stale) {
      this.#scheduler.scheduleReload(0);
    }
    if (usable) {
      for (const patch of this.#patches) {
        patch.ensure(this.#nodes.own!);
      }
    }
    if (complete) {
      this.#scheduler.completePassEnded(ok);
    } else if (!ok) {
      this.#scheduler.retry();
    }
  }

  #patched(kind: 'condition' | 'taint', action: Action, error: Error | undefined): void {
    if (this.#scheduler.closed) {
      return;
    }
    const { reporter } = this.#reconciler;
    const message = `Cannot set ${describe(action).slice(2)}: ${error?.message}`;
    reporter.problems.set(kind, error === undefined ? [] : [problem(kind, '', message)]);
    if (error === undefined) {
      reporter.changes([action]);
    } else {
      this.#scheduler.retry();
    }
  }

  #reportOwnNode(): void {
    this.#reconciler.reporter.problems.set('own-node', this.#nodes.ownProblems);
  }
}
