/** Copy of the kernel's routes and tunnel entries, so that an event costs one message and no dump. */
import type { KernelAction } from '../core/action.ts';
import type { Kernel, WriteFailure } from '../core/kernel.ts';
import {
  entryKey,
  type HostFacts,
  type KernelNeighbour,
  type KernelRoute,
  type TunnelSettings,
} from '../core/model.ts';
import { hostFacts, sameFacts } from '../observe/facts.ts';
import { NeighbourTable } from '../observe/neighbour-table.ts';
import { RouteTable } from '../observe/route-table.ts';
import { asKernelRoute } from './diff.ts';

export interface MirrorOptions {
  nodeName: string;
  /** Replaces the interface of the default route. */
  outsideInterface?: string | undefined;
  tunnel?: TunnelSettings | undefined;
}

export class KernelMirror {
  table = new RouteTable();
  neighbours = new NeighbourTable();
  /** Facts of the last dump; undefined before the first. */
  facts: HostFacts | undefined;
  readonly #kernel: Kernel;
  readonly #options: MirrorOptions;

  constructor(kernel: Kernel, options: MirrorOptions) {
    this.#kernel = kernel;
    this.#options = options;
  }

  /** Dumps the kernel's tables. Returns whether the facts changed, so that everything must be decided again. */
  load(): boolean {
    const { outsideInterface, tunnel, nodeName } = this.#options;
    const state = this.#kernel.dump();
    const facts = hostFacts(state, outsideInterface, tunnel, nodeName);
    const changed = this.facts === undefined || !sameFacts(this.facts, facts);
    this.table = new RouteTable(state.routes);
    this.neighbours = new NeighbourTable(state.neighbours);
    this.facts = facts;
    return changed;
  }

  /** Processes an event of one of the agent's own routes. */
  observe(op: 'new' | 'del', route: KernelRoute): void {
    if (op === 'new') {
      this.table.put(route);
    } else {
      this.table.remove(route);
    }
  }

  /** Processes an event of an FDB or neighbour entry. Returns its key if it belongs to a tunnel. */
  observeNeighbour(op: 'new' | 'del', neighbour: KernelNeighbour): string | undefined {
    if (this.facts?.tunnels.some(({ index }) => index === neighbour.index) !== true) {
      return undefined;
    }
    const key = entryKey(neighbour);
    // Ignore events of entries that are not permanent, and of multicast.
    if (op === 'del' && this.neighbours.at(key).length === 0) {
      return undefined;
    }
    if (op === 'new') {
      this.neighbours.put(neighbour);
    } else {
      this.neighbours.remove(neighbour);
    }
    return key;
  }

  /** Writes the actions and records those that succeed. */
  write(actions: readonly KernelAction[]): { done: KernelAction[]; failed: WriteFailure[] } {
    const failed = actions.length === 0 ? [] : this.#kernel.write(actions);
    const failing = new Set(failed.map(({ action }) => action));
    const done = actions.filter((action) => !failing.has(action));
    for (const action of done) {
      this.#record(action);
    }
    return { done, failed };
  }

  #record(action: KernelAction): void {
    if (action.kind === 'route') {
      if (action.op === 'remove') {
        this.table.remove(action.old);
      } else {
        this.table.put(asKernelRoute(action.route));
      }
    } else if (action.kind === 'neighbour') {
      if (action.op === 'remove') {
        this.neighbours.remove(action.entry);
      } else {
        this.neighbours.put(action.entry);
      }
    }
  }
}
