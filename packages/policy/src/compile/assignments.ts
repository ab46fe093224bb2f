import type { Inventory } from './inventory.ts';
import type { Numbers } from './numbers.ts';
import type { PodTraits } from './pod-traits.ts';
import { directionsOf } from './policy-rules.ts';
import type { PodRecord } from './records.ts';
import type { Direction } from './ruleset.ts';

/** Elements of the ruleset for one address. Addresses of equal pods share it. */
export interface Assignment {
  readonly members: readonly number[];
  /** Elements of port names, as `number port`. */
  readonly namedPorts: readonly string[];
  /** Policies that isolate the pod, for pods of this node. */
  readonly policies: Readonly<Record<Direction, readonly string[]>> | undefined;
}

export const NOTHING: Assignment = { members: [], namedPorts: [], policies: undefined };

/** Desired elements of pods after a batch of events, computed once for equal pods. */
export class Assignments {
  readonly #inventory: Inventory;
  readonly #numbers: Numbers;
  readonly #policies = new Map<PodTraits, Record<Direction, string[]>>();
  readonly #local = new Map<PodTraits, Assignment>();
  readonly #remote = new Map<PodTraits, Assignment>();

  constructor(inventory: Inventory, numbers: Numbers) {
    this.#inventory = inventory;
    this.#numbers = numbers;
  }

  /** Returns the policies that isolate the pod that has an address; undefined unless it is one of this node. */
  policiesAt(address: string): Assignment['policies'] {
    const owner = this.#inventory.owner(address);
    return owner && this.#inventory.isLocal(owner) ? this.#policiesOf(owner.traits) : undefined;
  }

  /** Returns the desired elements of an address. All policies in use must have their numbers. */
  at(address: string): Assignment {
    const owner = this.#inventory.owner(address);
    return owner ? this.#of(owner) : NOTHING;
  }

  #of(pod: PodRecord): Assignment {
    const { traits } = pod;
    const isLocal = this.#inventory.isLocal(pod);
    const known = isLocal ? this.#local : this.#remote;
    let assignment = known.get(traits);
    if (!assignment) {
      const members = this.#numbers.selectionsOf(traits);
      const namedPorts = this.#numbers.namedPortsOf(traits, isLocal);
      const policies = isLocal ? this.#policiesOf(traits) : undefined;
      const isEmpty = members.length === 0 && namedPorts.length === 0 && !policies;
      assignment = isEmpty ? NOTHING : { members, namedPorts, policies };
      known.set(traits, assignment);
    }
    return assignment;
  }

  #policiesOf(traits: PodTraits): Record<Direction, string[]> {
    let policies = this.#policies.get(traits);
    if (!policies) {
      policies = { ingress: [], egress: [] };
      for (const key of this.#inventory.policiesOf(traits)) {
        for (const direction of directionsOf(this.#inventory.policy(key)!)) {
          policies[direction].push(key);
        }
      }
      this.#policies.set(traits, policies);
    }
    return policies;
  }
}
