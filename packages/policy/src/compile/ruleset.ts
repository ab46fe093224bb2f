import type { Family } from '@cnikit/ip';
import type { PortProtocol } from '../api.ts';

/** Direction of a connection as its pod sees it. */
export type Direction = 'ingress' | 'egress';

/**
 * What one node programs: chains of rules, the addresses that each selection takes, and the chain of each pod of the
 * node. A back end maps it to nftables; `formatNft()` writes it as text.
 */
export interface Ruleset {
  /** Rules by chain name. A packet that no rule of a chain matches returns to the calling chain. */
  chains: Map<string, readonly Rule[]>;
  /** Pod addresses by number of a selection. */
  members: Map<number, Set<string>>;
  /** Pod addresses with a port, as `address port`, by number of a port name. */
  namedPorts: Map<number, Set<string>>;
  /** Chain of each address of a pod of this node, by direction. {@link OPEN} accepts. */
  pods: Record<Direction, Map<string, string>>;
}

/** Chain of pods that no policy isolates in a direction: accepts. */
export const OPEN = 'open';

/** One rule of a chain. A condition that is absent always holds. */
export interface Rule {
  peer?: PeerMatch | undefined;
  service?: ServiceMatch | undefined;
  verdict: 'accept' | 'drop' | { jump: string };
}

/** The source or destination address is in a selection of pods, or in a range of one family, both ends included. */
export type PeerMatch = { end: 'source' | 'destination' } & (
  | { selection: number }
  | { family: Family; from: string; to: string }
);

/** The destination port is in a range, or is the port of that name of the destination. Without both, any port. */
export interface ServiceMatch {
  protocol: PortProtocol;
  range?: readonly [from: number, to: number] | undefined;
  namedPort?: number | undefined;
}

/** One difference between two rulesets. The changes of one event form one transaction, in their order. */
export type Change =
  | { type: 'member'; action: 'add' | 'delete'; selection: number; address: string }
  | { type: 'namedPort'; action: 'add' | 'delete'; selection: number; entry: string }
  | { type: 'chain'; action: 'replace'; name: string; rules: readonly Rule[] }
  | { type: 'chain'; action: 'delete'; name: string }
  | { type: 'pod'; action: 'set'; direction: Direction; address: string; chain: string }
  | { type: 'pod'; action: 'delete'; direction: Direction; address: string };

/** Returns a ruleset without pods. */
export function emptyRuleset(): Ruleset {
  return {
    chains: new Map([[OPEN, [{ verdict: 'accept' }]]]),
    members: new Map(),
    namedPorts: new Map(),
    pods: { ingress: new Map(), egress: new Map() },
  };
}

/** Applies changes to a ruleset in place. */
export function applyChanges(ruleset: Ruleset, changes: Iterable<Change>): void {
  for (const change of changes) {
    switch (change.type) {
      case 'member':
        changeElement(ruleset.members, change.action, change.selection, change.address);
        break;
      case 'namedPort':
        changeElement(ruleset.namedPorts, change.action, change.selection, change.entry);
        break;
      case 'chain':
        if (change.action === 'replace') {
          ruleset.chains.set(change.name, change.rules);
        } else {
          ruleset.chains.delete(change.name);
        }
        break;
      case 'pod':
        if (change.action === 'set') {
          ruleset.pods[change.direction].set(change.address, change.chain);
        } else {
          ruleset.pods[change.direction].delete(change.address);
        }
        break;
    }
  }
}

function changeElement(
  sets: Map<number, Set<string>>,
  action: 'add' | 'delete',
  number: number,
  element: string,
): void {
  const set = sets.get(number) ?? new Set();
  if (action === 'add') {
    sets.set(number, set.add(element));
  } else if (set.delete(element) && set.size === 0) {
    sets.delete(number);
  }
}
