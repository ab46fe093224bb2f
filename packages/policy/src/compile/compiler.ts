import type { NetworkPolicy } from '../api.ts';
import type { Cluster } from '../cluster.ts';
import { Inventory, type PolicyEvent, type Touched } from './inventory.ts';
import { keepLast } from './keep-last.ts';
import { Numbers, type UsedNumbers } from './numbers.ts';
import { directionsOf, policyChain, policyChains } from './policy-rules.ts';
import { keyOf, type PodRecord } from './records.ts';
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

/** Elements of the ruleset for one address. */
interface Assignment {
  members: readonly number[];
  /** Elements of port names, as `number address port`. */
  namedPorts: readonly string[];
  /** Chains of the policies that isolate the pod, for pods of this node. */
  policies: Record<Direction, readonly string[]> | undefined;
}

const NOTHING: Assignment = { members: [], namedPorts: [], policies: undefined };

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

  constructor(node: string) {
    this.#inventory = new Inventory(node);
    this.#numbers = new Numbers(this.#inventory);
  }

  /** Applies events and returns the changes of the ruleset, as one transaction in order. */
  apply(events: Iterable<PolicyEvent>): Change[] {
    const touched: Touched = { addresses: new Set(), policies: new Set(), namespaces: new Set() };
    for (const event of events) {
      this.#inventory.record(event, touched);
    }
    const changes: Change[] = [];
    const policies = this.#updatePolicies(touched, changes);
    const selectionsOf = keepLast((pod: PodRecord) => this.#numbers.selectionsOf(pod));
    for (const address of touched.addresses) {
      this.#assign(address, policies.get(address), selectionsOf, changes);
    }
    changes.sort((a, b) => rankOf(a) - rankOf(b));
    applyChanges(this.ruleset, changes);
    return changes;
  }

  /** Describes what a number of a rule stands for: a text that is equal in all compilers. */
  describe(kind: 'selection' | 'namedPort' | 'podChain', number: number): string | undefined {
    return kind === 'podChain' ? this.#podChains.keyOf(number) : this.#numbers.describe(kind, number);
  }

  /**
   * Compiles policies that begin or end to select a pod of this node, and those that changed. Adds to `touched` the
   * addresses whose selections change. Returns the policies of each address of the node that was touched.
   */
  #updatePolicies(touched: Touched, changes: Change[]): Map<string, Record<Direction, string[]>> {
    const wanted = new Map<string, Record<Direction, string[]>>();
    const counts = new Map<string, { direction: Direction; policy: string; difference: number }>();
    const count = (direction: Direction, chain: string, policy: string, difference: number) => {
      const known = counts.get(chain);
      counts.set(chain, { direction, policy, difference: (known?.difference ?? 0) + difference });
    };
    const policiesOf = keepLast((pod: PodRecord) => this.#policiesOf(pod));
    for (const address of touched.addresses) {
      const owner = this.#inventory.owner(address);
      const policies = owner && this.#inventory.isLocal(owner) ? policiesOf(owner) : undefined;
      if (policies) {
        wanted.set(address, policies);
      }
      for (const direction of DIRECTIONS) {
        for (const policy of this.#assigned.get(address)?.policies?.[direction] ?? []) {
          count(direction, policyChain(direction, policy), policy, -1);
        }
        for (const policy of policies?.[direction] ?? []) {
          count(direction, policyChain(direction, policy), policy, 1);
        }
      }
    }
    for (const policy of touched.policies) {
      for (const direction of DIRECTIONS) {
        count(direction, policyChain(direction, policy), policy, 0);
      }
    }
    for (const [chain, { direction, policy, difference }] of counts) {
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
    return wanted;
  }

  #policiesOf(pod: PodRecord): Record<Direction, string[]> {
    const policies: Record<Direction, string[]> = { ingress: [], egress: [] };
    for (const key of this.#inventory.policiesOf(pod)) {
      for (const direction of directionsOf(this.#inventory.policy(key)!)) {
        policies[direction].push(key);
      }
    }
    return policies;
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

  /** Writes the difference between what an address has and what its owner is to have. */
  #assign(
    address: string,
    policies: Record<Direction, string[]> | undefined,
    selectionsOf: (pod: PodRecord) => number[],
    changes: Change[],
  ): void {
    const before = this.#assigned.get(address) ?? NOTHING;
    const owner = this.#inventory.owner(address);
    const after: Assignment = owner
      ? {
          members: selectionsOf(owner),
          namedPorts: this.#numbers.namedPortsOf(owner, address),
          policies: this.#inventory.isLocal(owner) ? (policies ?? before.policies) : undefined,
        }
      : NOTHING;
    for (const selection of difference(after.members, before.members)) {
      changes.push({ type: 'member', action: 'add', selection, address });
    }
    for (const selection of difference(before.members, after.members)) {
      changes.push({ type: 'member', action: 'delete', selection, address });
    }
    for (const entry of difference(before.namedPorts, after.namedPorts)) {
      changes.push({ type: 'namedPort', action: 'delete', ...numbered(entry) });
    }
    for (const entry of difference(after.namedPorts, before.namedPorts)) {
      changes.push({ type: 'namedPort', action: 'add', ...numbered(entry) });
    }
    for (const direction of DIRECTIONS) {
      const [old, now] = [before.policies?.[direction], after.policies?.[direction]];
      this.#assignChain(direction, address, old, now, changes);
    }
    if (owner) {
      this.#assigned.set(address, after);
    } else {
      this.#assigned.delete(address);
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

/** Compiles the policies of a cluster for one node. */
export function compile(cluster: Cluster, node: string): Ruleset {
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

function difference<T>(a: readonly T[], b: readonly T[]): T[] {
  return a === b ? [] : a.filter((element) => !b.includes(element));
}

function numbered(text: string): { selection: number; entry: string } {
  const space = text.indexOf(' ');
  return { selection: Number(text.slice(0, space)), entry: text.slice(space + 1) };
}
