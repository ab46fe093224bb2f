import type { NetworkPolicy } from '../api.ts';
import { checkCluster, checkText } from '../arguments.ts';
import type { Cluster } from '../cluster.ts';
import { type Assignment, Assignments, NOTHING } from './assignments.ts';
import { Inventory, type PolicyEvent, type Touched } from './inventory.ts';
import { Numbers, type UsedNumbers } from './numbers.ts';
import { policyChain, policyChains } from './policy-rules.ts';
import { keyOf } from './records.ts';
import { Registry, stableJson } from './registry.ts';
import {
  applyChanges,
  type Change,
  type Direction,
  emptyRuleset,
  OPEN,
  type Rule,
  type Ruleset,
} from './ruleset.ts';

const DIRECTIONS: readonly Direction[] = ['ingress', 'egress'];

/** Rules of one policy and direction, in use because the policy selects a pod of this node. */
interface ActivePolicy {
  addresses: number;
  chains: ReadonlyMap<string, readonly Rule[]>;
  used: UsedNumbers;
}

/**
 * Compiles NetworkPolicies for one node, incrementally: an event costs what it changes, not what the cluster has.
 *
 * ```ts
 * const compiler = new PolicyCompiler('node-a');
 * const changes = compiler.apply([{ type: 'put', object: pod }]);
 * ```
 */
export class PolicyCompiler {
  /** The current state: that of before with all changes applied. */
  readonly ruleset: Ruleset = emptyRuleset();
  readonly #inventory: Inventory;
  readonly #numbers: Numbers;
  readonly #podChains = new Registry(podChainKey);
  /** Policies in use, keyed by the name of their chain. */
  readonly #active = new Map<string, ActivePolicy>();
  readonly #assigned = new Map<string, Assignment>();

  /**
   * `node` is the name of the node, as in `spec.nodeName` of its pods.
   *
   * @throws {ArgumentError} when the name is not a text
   */
  constructor(node: string) {
    checkText('node', node);
    this.#inventory = new Inventory(node);
    this.#numbers = new Numbers(this.#inventory);
  }

  /**
   * Applies events and returns the changes of the ruleset, as one transaction in order.
   *
   * @throws {ArgumentError} when an event is neither `put` nor `delete`, or its object is not one of `readObject()`. The
   *   compiler cannot be used after that.
   */
  apply(events: Iterable<PolicyEvent>): Change[] {
    const touched: Touched = { addresses: new Set(), policies: new Set(), namespaces: new Set() };
    for (const event of events) {
      this.#inventory.record(event, touched);
    }
    const changes: Change[] = [];
    const assignments = new Assignments(this.#inventory, this.#numbers);
    this.#updatePolicies(touched, assignments, changes);
    for (const address of touched.addresses) {
      this.#assign(address, assignments.at(address), changes);
    }
    const ordered = inOrder(changes);
    applyChanges(this.ruleset, ordered);
    return ordered;
  }

  /** Describes what a number of a rule stands for: a text that is equal in all compilers. */
  describe(kind: 'selection' | 'namedPort' | 'podChain', number: number): string | undefined {
    return kind === 'podChain' ? this.#podChains.keyOf(number) : this.#numbers.describe(kind, number);
  }

  /**
   * Compiles policies that begin or end to select a pod of this node, and those that changed. Adds to `touched` the
   * addresses whose selections change.
   */
  #updatePolicies(touched: Touched, assignments: Assignments, changes: Change[]): void {
    const counts: Record<Direction, Map<string, number>> = { ingress: new Map(), egress: new Map() };
    const count = (direction: Direction, difference: number, policies: Iterable<string> = []) => {
      for (const policy of policies) {
        counts[direction].set(policy, (counts[direction].get(policy) ?? 0) + difference);
      }
    };
    for (const address of touched.addresses) {
      const before = this.#assigned.get(address)?.policies;
      const after = assignments.policiesAt(address);
      for (const direction of DIRECTIONS) {
        count(direction, -1, before?.[direction]);
        count(direction, 1, after?.[direction]);
      }
    }
    for (const direction of DIRECTIONS) {
      count(direction, 0, touched.policies);
      for (const [policy, difference] of counts[direction]) {
        const chain = policyChain(direction, policy);
        const before = this.#active.get(chain);
        const addresses = (before?.addresses ?? 0) + difference;
        if (addresses > 0 && before && !touched.policies.has(policy)) {
          before.addresses = addresses;
        } else if (addresses > 0) {
          this.#activate(direction, this.#inventory.policy(policy)!, addresses, touched, changes);
        } else if (before) {
          this.#deactivate(chain, touched, changes);
        }
      }
    }
  }

  #activate(
    direction: Direction,
    policy: NetworkPolicy,
    addresses: number,
    touched: Touched,
    changes: Change[],
  ): void {
    const used: UsedNumbers = { selections: [], portNames: [] };
    const chains = policyChains(policy, direction, this.#numbers.recorder(used, touched));
    const name = policyChain(direction, keyOf(policy.metadata));
    const before = this.#active.get(name);
    for (const [chain, rules] of chains) {
      if (!before || stableJson(before.chains.get(chain)) !== stableJson(rules)) {
        changes.push({ type: 'chain', action: 'replace', name: chain, rules });
      }
    }
    for (const chain of before?.chains.keys() ?? []) {
      if (!chains.has(chain)) {
        changes.push({ type: 'chain', action: 'delete', name: chain });
      }
    }
    this.#active.set(name, { addresses, chains, used });
    if (before) {
      this.#numbers.release(before.used, this.ruleset, touched);
    }
  }

  #deactivate(chain: string, touched: Touched, changes: Change[]): void {
    const before = this.#active.get(chain)!;
    this.#active.delete(chain);
    for (const name of [...before.chains.keys()].reverse()) {
      changes.push({ type: 'chain', action: 'delete', name });
    }
    this.#numbers.release(before.used, this.ruleset, touched);
  }

  /** Writes the difference between the present and the desired elements of an address. */
  #assign(address: string, after: Assignment, changes: Change[]): void {
    const before = this.#assigned.get(address) ?? NOTHING;
    if (before === after) {
      return;
    }
    for (const selection of difference(after.members, before.members)) {
      changes.push({ type: 'member', action: 'add', selection, address });
    }
    for (const selection of difference(before.members, after.members)) {
      changes.push({ type: 'member', action: 'delete', selection, address });
    }
    for (const entry of difference(before.namedPorts, after.namedPorts)) {
      changes.push({ type: 'namedPort', action: 'delete', ...numbered(entry, address) });
    }
    for (const entry of difference(after.namedPorts, before.namedPorts)) {
      changes.push({ type: 'namedPort', action: 'add', ...numbered(entry, address) });
    }
    for (const direction of DIRECTIONS) {
      const [old, now] = [before.policies?.[direction], after.policies?.[direction]];
      this.#assignChain(direction, address, old, now, changes);
    }
    if (after === NOTHING) {
      this.#assigned.delete(address);
    } else {
      this.#assigned.set(address, after);
    }
  }

  #assignChain(
    direction: Direction,
    address: string,
    before: readonly string[] | undefined,
    after: readonly string[] | undefined,
    changes: Change[],
  ): void {
    if (before?.length === after?.length && (before ?? []).every((policy, i) => policy === after![i])) {
      return;
    }
    if (after) {
      const chain = this.#acquirePodChain(direction, after, changes);
      changes.push({ type: 'pod', action: 'set', direction, address, chain });
    } else {
      changes.push({ type: 'pod', action: 'delete', direction, address });
    }
    if (before && before.length > 0) {
      const number = this.#podChains.find({ direction, policies: before })!;
      if (this.#podChains.release(number)) {
        changes.push({ type: 'chain', action: 'delete', name: podChain(number) });
      }
    }
  }

  #acquirePodChain(direction: Direction, policies: readonly string[], changes: Change[]): string {
    if (policies.length === 0) {
      return OPEN;
    }
    const { number, added } = this.#podChains.acquire({ direction, policies });
    if (added) {
      const jumps = policies.map((policy): Rule => ({ verdict: { jump: policyChain(direction, policy) } }));
      changes.push({
        type: 'chain',
        action: 'replace',
        name: podChain(number),
        rules: [...jumps, { verdict: 'drop' }],
      });
    }
    return podChain(number);
  }
}

/**
 * Compiles the policies of a cluster for one node.
 *
 * @throws {ArgumentError} when the first argument is not a cluster, or the name of the node not a text
 */
export function compile(cluster: Cluster, node: string): Ruleset {
  checkCluster(cluster);
  const compiler = new PolicyCompiler(node);
  const objects = [...cluster.namespaces, ...cluster.policies, ...cluster.pods];
  compiler.apply(objects.map((object) => ({ type: 'put', object })));
  return compiler.ruleset;
}

const POD_CHAINS = 'pods/';

/** Returns the key of a chain of pods. Names of policies have no space. */
function podChainKey({ direction, policies }: { direction: Direction; policies: readonly string[] }): string {
  return `${direction} ${policies.join(' ')}`;
}

function podChain(number: number): string {
  return `${POD_CHAINS}${number}`;
}

/** Orders changes so that a rule refers only to what exists: elements, chains, pods, then deletions in reverse. */
function rankOf(change: Change): number {
  switch (change.type) {
    case 'member':
    case 'namedPort':
      return change.action === 'add' ? 0 : 6;
    case 'chain':
      if (change.action === 'replace') {
        return 1;
      }
      return change.name.startsWith(POD_CHAINS) ? 4 : 5;
    case 'pod':
      return change.action === 'set' ? 2 : 3;
  }
}

/** Returns the changes by rank, those of one rank in the given order. */
function inOrder(changes: readonly Change[]): Change[] {
  const byRank: Change[][] = [];
  for (const change of changes) {
    const rank = rankOf(change);
    byRank[rank] ??= [];
    byRank[rank].push(change);
  }
  return byRank.flat();
}

function difference<T>(a: readonly T[], b: readonly T[]): T[] {
  return a === b ? [] : a.filter((element) => !b.includes(element));
}

function numbered(text: string, address: string): { selection: number; entry: string } {
  const space = text.indexOf(' ');
  return { selection: Number(text.slice(0, space)), entry: `${address}${text.slice(space)}` };
}
