import type { Inventory, Touched } from './inventory.ts';
import { touchPods } from './inventory.ts';
import type { NamedPort, PodTraits } from './pod-traits.ts';
import type { Numbering, PortName, Selection } from './policy-rules.ts';
import { Registry } from './registry.ts';
import type { Direction, Ruleset } from './ruleset.ts';
import { type IndexedSelection, SelectionIndex } from './selection-index.ts';

/** The numbers that the rules of a policy use. */
export interface UsedNumbers {
  selections: number[];
  portNames: number[];
}

const DIRECTIONS: readonly Direction[] = ['ingress', 'egress'];
/** Pods of other nodes are destinations of egress only. */
const DIRECTIONS_OF_OTHER_NODES: readonly Direction[] = ['egress'];

/** Numbers of the selections and port names in use, and the pods that each takes. */
export class Numbers {
  readonly #inventory: Inventory;
  readonly #index = new SelectionIndex();
  readonly #indexed = new Map<number, IndexedSelection>();
  readonly #selections = new Registry<Selection>();
  readonly #portNames = new Registry<PortName>(
    ({ direction, name, protocol }) => `${direction} ${protocol} ${name}`,
  );

  constructor(inventory: Inventory) {
    this.#inventory = inventory;
  }

  /** Returns numbers that are recorded in `used`. Adds to `touched` the addresses that a new number takes. */
  recorder(used: UsedNumbers, touched: Touched): Numbering {
    return {
      selection: (selection) => {
        const number = this.#acquireSelection(selection, touched);
        used.selections.push(number);
        return number;
      },
      portName: (name) => {
        const number = this.#acquirePortName(name, touched);
        used.portNames.push(number);
        return number;
      },
    };
  }

  /** Drops what a policy used. Adds to `touched` the addresses of numbers that no other policy uses. */
  release({ selections, portNames }: UsedNumbers, ruleset: Ruleset, touched: Touched): void {
    for (const number of selections) {
      if (this.#selections.release(number)) {
        this.#index.delete(this.#indexed.get(number)!);
        this.#indexed.delete(number);
        for (const address of ruleset.members.get(number) ?? []) {
          touched.addresses.add(address);
        }
      }
    }
    for (const number of portNames) {
      if (this.#portNames.release(number)) {
        for (const entry of ruleset.namedPorts.get(number) ?? []) {
          touched.addresses.add(entry.slice(0, entry.indexOf(' ')));
        }
      }
    }
  }

  /** Returns the numbers of the selections that take pods with these traits. */
  selectionsOf({ namespace, labels }: PodTraits): number[] {
    return this.#index.taking(namespace, this.#inventory.namespaceLabels(namespace), labels);
  }

  /** Returns the elements of port names for an address of a pod, as `number port`. */
  namedPortsOf({ ports }: PodTraits, isLocal: boolean): string[] {
    const entries: string[] = [];
    for (const { name, protocol, port } of ports) {
      for (const direction of isLocal ? DIRECTIONS : DIRECTIONS_OF_OTHER_NODES) {
        const number = this.#portNames.find({ direction, name, protocol });
        const entry = `${number} ${port}`;
        if (number !== undefined && !entries.includes(entry)) {
          entries.push(entry);
        }
      }
    }
    return entries;
  }

  describe(kind: 'selection' | 'namedPort', number: number): string | undefined {
    return (kind === 'selection' ? this.#selections : this.#portNames).keyOf(number);
  }

  #acquireSelection(selection: Selection, touched: Touched): number {
    const { number, added } = this.#selections.acquire(selection);
    if (added) {
      const indexed = { number, selection };
      this.#index.add(indexed);
      this.#indexed.set(number, indexed);
      touchPods(this.#inventory.podsIn(selection), touched);
    }
    return number;
  }

  #acquirePortName(name: PortName, touched: Touched): number {
    const { number, added } = this.#portNames.acquire(name);
    if (added) {
      for (const pod of this.#inventory.pods()) {
        const isDestination = name.direction === 'egress' || this.#inventory.isLocal(pod);
        if (isDestination && pod.traits.ports.some((port) => isNamed(port, name))) {
          touchPods([pod], touched);
        }
      }
    }
    return number;
  }
}

function isNamed(port: NamedPort, { name, protocol }: PortName): boolean {
  return port.name === name && port.protocol === protocol;
}
