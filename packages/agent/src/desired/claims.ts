/** Who claims which podCIDR: an index that makes the work of a node event proportional to that node's prefixes. Pure. */
import type { NodeInfo } from '../model.ts';

/** The nodes by name and by the podCIDRs they claim. */
export class Claims {
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #byPrefix = new Map<string, NodeInfo[]>();

  /** Adds a node or puts a new version in place of the one of that name; returns the prefixes it may affect. */
  set(node: NodeInfo): Set<string> {
    const affected = this.delete(node.name);
    this.#nodes.set(node.name, node);
    for (const prefix of node.podCIDRs) {
      affected.add(prefix);
      const claimants = this.#byPrefix.get(prefix);
      if (claimants === undefined) this.#byPrefix.set(prefix, [node]);
      else {
        claimants.push(node);
        claimants.sort(byAge);
      }
    }
    return affected;
  }

  /** Forgets a node; returns the prefixes it claimed. */
  delete(name: string): Set<string> {
    const node = this.#nodes.get(name);
    this.#nodes.delete(name);
    for (const prefix of node?.podCIDRs ?? []) {
      const left = this.#byPrefix.get(prefix)!.filter((claimant) => claimant.name !== name);
      if (left.length === 0) this.#byPrefix.delete(prefix);
      else this.#byPrefix.set(prefix, left);
    }
    return new Set(node?.podCIDRs);
  }

  /** The node of that name, as it was last set. */
  get(name: string): NodeInfo | undefined {
    return this.#nodes.get(name);
  }

  /** The claimants of a prefix, oldest first: the first one holds it. */
  of(prefix: string): readonly NodeInfo[] {
    return this.#byPrefix.get(prefix) ?? [];
  }

  /** Every node, in the order they came. */
  nodes(): IterableIterator<NodeInfo> {
    return this.#nodes.values();
  }

  /** Every prefix that some node claims. */
  prefixes(): IterableIterator<string> {
    return this.#byPrefix.keys();
  }

  /** Number of nodes. */
  get size(): number {
    return this.#nodes.size;
  }
}

/** Equal ages are ordered by uid, so that every node of the cluster decides alike. */
function byAge(a: NodeInfo, b: NodeInfo): number {
  return compare(a.created, b.created) || compare(a.uid, b.uid) || compare(a.name, b.name);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
