/** Indexes nodes by podCIDR, so that the work of a node event is proportional to that node's prefixes. Pure. */

import { type Family, formatPrefix, network, type Prefix, parseNetwork } from '@cnikit/ip';
import type { NodeInfo } from '../core/model.ts';

/** Nodes by name and by podCIDR. */
export class NodeIndex {
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #byPrefix = new Map<string, NodeInfo[]>();
  readonly #overlaps = { ipv4: new Overlaps(), ipv6: new Overlaps() };

  /** Adds or replaces a node. Returns the prefixes that it may affect. */
  set(node: NodeInfo): Set<string> {
    const affected = this.delete(node.name);
    this.#nodes.set(node.name, node);
    for (const prefix of node.podCIDRs) {
      affected.add(prefix);
      const claimants = this.#byPrefix.get(prefix);
      if (claimants === undefined) {
        this.#byPrefix.set(prefix, [node]);
        this.#overlapsOf(prefix).add(prefix);
      } else {
        claimants.push(node);
        claimants.sort(byAge);
      }
      for (const other of this.#overlapsOf(prefix).of(prefix)) {
        affected.add(other);
      }
    }
    return affected;
  }

  /** Removes a node. Returns the prefixes that it may have affected. */
  delete(name: string): Set<string> {
    const node = this.#nodes.get(name);
    this.#nodes.delete(name);
    const affected = new Set(node?.podCIDRs);
    for (const prefix of node?.podCIDRs ?? []) {
      for (const other of this.#overlapsOf(prefix).of(prefix)) {
        affected.add(other);
      }
      const left = this.#byPrefix.get(prefix)!.filter((claimant) => claimant.name !== name);
      if (left.length > 0) {
        this.#byPrefix.set(prefix, left);
      } else {
        this.#byPrefix.delete(prefix);
        this.#overlapsOf(prefix).delete(prefix);
      }
    }
    return affected;
  }

  /** Returns a node by name. */
  get(name: string): NodeInfo | undefined {
    return this.#nodes.get(name);
  }

  /** Returns the nodes with this podCIDR, oldest first: the first one keeps it. */
  of(prefix: string): readonly NodeInfo[] {
    return this.#byPrefix.get(prefix) ?? [];
  }

  /** Returns other nodes, older than the holder of `prefix`, with podCIDRs that overlap it; oldest first. */
  rivals(prefix: string): Array<{ node: NodeInfo; prefix: string }> {
    const [holder] = this.of(prefix);
    if (holder === undefined) {
      return [];
    }
    return this.#overlapsOf(prefix)
      .of(prefix)
      .map((other) => ({ node: this.of(other)[0]!, prefix: other }))
      .filter(({ node }) => node.name !== holder.name && byAge(node, holder) < 0)
      .sort((a, b) => byAge(a.node, b.node));
  }

  /** Every node, in the order of arrival. */
  nodes(): IterableIterator<NodeInfo> {
    return this.#nodes.values();
  }

  /** Every podCIDR. */
  prefixes(): IterableIterator<string> {
    return this.#byPrefix.keys();
  }

  /** Number of nodes. */
  get size(): number {
    return this.#nodes.size;
  }

  #overlapsOf(prefix: string): Overlaps {
    const family: Family = prefix.includes(':') ? 'ipv6' : 'ipv4';
    return this.#overlaps[family];
  }
}

/**
 * Finds overlapping prefixes of one family without comparing all of them. A cluster has prefixes of one
 * length or of a few, so they are kept by length. Different prefixes of the same length never overlap.
 */
class Overlaps {
  readonly #byLength = new Map<number, Set<string>>();

  add(text: string): void {
    const length = lengthOf(text);
    const set = this.#byLength.get(length);
    if (set === undefined) {
      this.#byLength.set(length, new Set([text]));
    } else {
      set.add(text);
    }
  }

  delete(text: string): void {
    const length = lengthOf(text);
    const set = this.#byLength.get(length);
    set?.delete(text);
    if (set?.size === 0) {
      this.#byLength.delete(length);
    }
  }

  /** Returns the other prefixes that contain `text` or lie within it. */
  of(text: string): string[] {
    if (this.#byLength.size < 2) {
      return [];
    }
    const prefix = parseNetwork(text)!;
    const found: string[] = [];
    for (const [length, set] of this.#byLength) {
      if (length < prefix.length) {
        const outer = formatPrefix(network(prefix.address, length));
        if (set.has(outer)) {
          found.push(outer);
        }
      } else if (length > prefix.length) {
        found.push(...inside(prefix, length, set));
      }
    }
    return found;
  }
}

/** Looks up each possible prefix or tests each present one, choosing the smaller set. */
function inside(outer: Prefix, length: number, set: ReadonlySet<string>): string[] {
  const bits = length - outer.length;
  if (bits > 10 || 1 << bits > set.size) {
    return [...set].filter(
      (text) => formatPrefix(network(parseNetwork(text)!.address, outer.length)) === formatPrefix(outer),
    );
  }
  const found: string[] = [];
  for (let i = 0; i < 1 << bits; i++) {
    const address = outer.address.slice();
    // Bit by bit, as the number may cross a byte.
    for (let bit = 0; bit < bits; bit++) {
      if ((i >> bit) & 1) {
        const at = length - 1 - bit;
        address[at >> 3]! |= 0x80 >> (at & 7);
      }
    }
    const text = formatPrefix({ address, length });
    if (set.has(text)) {
      found.push(text);
    }
  }
  return found;
}

const lengthOf = (text: string): number => Number(text.slice(text.lastIndexOf('/') + 1));

/** Orders equal ages by uid, so that every node of the cluster decides alike. */
function byAge(a: NodeInfo, b: NodeInfo): number {
  return compare(a.created, b.created) || compare(a.uid, b.uid) || compare(a.name, b.name);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
