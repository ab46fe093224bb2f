/** The Nodes that the agent acts on: those of the API, except that missing data never costs the cluster its routes. */
import type { NodeInfo } from '../core/model.ts';
import type { Problem } from '../core/problem.ts';
import { ownProblem, problemsOf } from '../desired/desired-host.ts';
import { NodeIndex } from '../desired/node-index.ts';
import { sameNode } from '../observe/node.ts';

/** A node that is new, different or deleted. */
export interface NodeChange {
  name: string;
  /** podCIDRs with routes that may differ now. */
  prefixes: ReadonlySet<string>;
  problems: readonly Problem[];
}

export class NodeBook {
  readonly index = new NodeIndex();
  readonly #nodeName: string;
  readonly #onChange: (change: NodeChange) => void;
  /** Names of deleted nodes that are still in the index. */
  readonly #deleted = new Set<string>();
  #ownListed = false;

  constructor(nodeName: string, onChange: (change: NodeChange) => void) {
    this.#nodeName = nodeName;
    this.#onChange = onChange;
  }

  /** This node, even after its deletion from the API: its pods run on. */
  get own(): NodeInfo | undefined {
    return this.index.get(this.#nodeName);
  }

  /** Problems that keep this node from being set up. */
  get ownProblems(): Problem[] {
    return ownProblem(this.#ownListed ? this.own : undefined, this.#nodeName);
  }

  /** Takes the complete list of nodes. */
  replace(nodes: Iterable<NodeInfo>): void {
    const listed = new Map([...nodes].map((node) => [node.name, node]));
    for (const { name } of this.index.nodes()) {
      if (!listed.has(name)) {
        this.#deleted.add(name);
      }
    }
    for (const node of listed.values()) {
      this.#upsert(node);
    }
    this.#ownListed = listed.has(this.#nodeName);
  }

  /** Returns the kind of pass that a new or modified node needs. */
  put(node: NodeInfo): 'complete' | 'partial' | 'none' {
    const changed = this.#upsert(node);
    if (node.name !== this.#nodeName) {
      return changed ? 'partial' : 'none';
    }
    const returned = !this.#ownListed;
    this.#ownListed = true;
    return changed || returned ? 'complete' : 'none';
  }

  delete(name: string): void {
    if (name === this.#nodeName) {
      this.#ownListed = false;
    } else {
      this.#deleted.add(name);
    }
  }

  /**
   * Forgets deleted nodes, unless this node is missing from the API too: an API server that lost its data must not cost
   * the cluster its routes.
   */
  removeDeleted(): void {
    if (!this.#ownListed) {
      return;
    }
    for (const name of this.#deleted) {
      this.#onChange({ name, prefixes: this.index.delete(name), problems: [] });
    }
    this.#deleted.clear();
  }

  /** Returns false when nothing that the agent uses has changed. */
  #upsert(node: NodeInfo): boolean {
    this.#deleted.delete(node.name);
    const before = this.index.get(node.name);
    if (before !== undefined && sameNode(before, node)) {
      return false;
    }
    const prefixes = this.index.set(node);
    this.#onChange({ name: node.name, prefixes, problems: problemsOf(node, this.#nodeName) });
    return true;
  }
}
