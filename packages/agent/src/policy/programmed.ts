/** The objects of the table that follow from a ruleset, and the requests that change them. Pure. */
import { type Family, familyOf } from '@cnikit/ip';
import type { Request } from '@cnikit/netlink';
import {
  delChain,
  delElements,
  delRule,
  delSet,
  type Expression,
  NF_ACCEPT,
  NFT_GOTO,
  newChain,
  newElements,
  newRule,
  newSet,
  type SetElement,
} from '@cnikit/netlink/nftables';
import { type Change, OPEN, type Rule, type Ruleset } from '@cnikit/policy/compile';
import { foreignEndMoves } from './foreign-ends.ts';
import { chainName, elementFamily, elementKey, IN_TABLE, podMap, portSet, selectionSet } from './names.ts';
import { type ChainRules, kernelRules, type Scope } from './rules.ts';

/** Requests for a change of the ruleset. */
export interface Transaction {
  /** Makes objects that no packet meets before `change`. */
  prepare: Request[];
  change: Request[];
  /** A pod goes from one list of policies to another one. */
  movesPod: boolean;
}

/** Changes of one batch, by names of the kernel. */
interface Batch {
  added: Map<string, string[]>;
  removed: Map<string, string[]>;
  created: ChainRules[];
  replaced: ChainRules[];
  deleted: string[];
  pods: { map: string; address: string; chain: string | undefined }[];
  /** Difference of the number of chains that look up each set. */
  references: Map<string, number>;
}

export class Programmed {
  readonly letter: string;
  readonly scope: Scope;
  /** Number of chains that look up each set. */
  readonly #sets = new Map<string, number>();
  /** Sets that each chain looks up. */
  readonly #chains = new Map<string, readonly string[]>();
  /** Chain of each address, or {@link OPEN}, by map. */
  readonly #pods = new Map<string, Map<string, string>>();

  /** `letter` begins the names of all objects. */
  constructor(letter: string, scope: Scope) {
    this.letter = letter;
    this.scope = scope;
  }

  get names(): { sets: Iterable<string>; chains: Iterable<string> } {
    return { sets: this.#sets.keys(), chains: this.#chains.keys() };
  }

  /** Returns the chain of each address of a map, or {@link OPEN}. */
  pods(map: string): ReadonlyMap<string, string> {
    return this.#pods.get(map) ?? new Map();
  }

  /** Takes changes of the ruleset and returns their requests. */
  apply(changes: Iterable<Change>): Transaction {
    const batch: Batch = {
      added: new Map(),
      removed: new Map(),
      created: [],
      replaced: [],
      deleted: [],
      pods: [],
      references: new Map(),
    };
    for (const change of changes) {
      this.#take(change, batch);
    }
    return this.#transaction(batch);
  }

  #take(change: Change, batch: Batch): void {
    if (change.type === 'member' || change.type === 'namedPort') {
      const [text, nameOf] =
        change.type === 'member' ? [change.address, selectionSet] : [change.entry, portSet];
      const family = elementFamily(text);
      if (this.#covers(family)) {
        const name = nameOf(this.letter, change.selection, family);
        append(change.action === 'add' ? batch.added : batch.removed, name, text);
      }
    } else if (change.type === 'pod') {
      const family = familyOf(change.address);
      if (this.#covers(family)) {
        const chain = change.action === 'set' ? chainName(this.letter, change.chain) : undefined;
        batch.pods.push({ map: podMap(change.direction, family), address: change.address, chain });
      }
    } else if (change.name !== OPEN) {
      this.#takeChain(change, batch);
    }
  }

  #covers(family: Family): boolean {
    return this.scope.families.includes(family);
  }

  #takeChain(change: Change & { type: 'chain' }, { created, replaced, deleted, references }: Batch): void {
    const name = chainName(this.letter, change.name);
    const before = this.#chains.get(name);
    for (const set of before ?? []) {
      references.set(set, (references.get(set) ?? 0) - 1);
    }
    if (change.action === 'delete') {
      this.#chains.delete(name);
      deleted.push(name);
      return;
    }
    const { rules, sets } = chainRules(change.rules, this.letter, this.scope);
    for (const set of sets) {
      references.set(set, (references.get(set) ?? 0) + 1);
    }
    this.#chains.set(name, sets);
    (before === undefined ? created : replaced).push({ name, rules });
  }

  #transaction({ added, removed, created, replaced, deleted, pods, references }: Batch): Transaction {
    const newNames: string[] = [];
    const oldNames: string[] = [];
    for (const [name, difference] of references) {
      const before = this.#sets.get(name);
      const count = (before ?? 0) + difference;
      if (count > 0) {
        this.#sets.set(name, count);
      } else {
        this.#sets.delete(name);
      }
      if ((before === undefined) !== count <= 0) {
        (count > 0 ? newNames : oldNames).push(name);
      }
    }
    const kept = (name: string): boolean => this.#sets.has(name) && !newNames.includes(name);
    const move = this.#movePods(pods);
    return {
      prepare: [
        ...newNames.flatMap((name) => [
          newSet({ ...IN_TABLE, name, ...setType(name) }),
          ...adding(name, added.get(name)),
        ]),
        ...created.map(({ name }) => newChain({ ...IN_TABLE, name, exclusive: true })),
        ...created.flatMap(ruleRequests),
      ],
      change: [
        ...[...added].flatMap(([name, texts]) => (kept(name) ? adding(name, texts) : [])),
        ...replaced.flatMap((chain) => [delRule({ ...IN_TABLE, chain: chain.name }), ...ruleRequests(chain)]),
        ...move.requests,
        // Their rules first: a chain that another one jumps to cannot be deleted.
        ...deleted.map((chain) => delRule({ ...IN_TABLE, chain })),
        ...deleted.map((name) => delChain({ ...IN_TABLE, name })),
        ...[...removed].flatMap(([name, texts]) => (kept(name) ? removing(name, texts) : [])),
        ...oldNames.map((name) => delSet({ ...IN_TABLE, name })),
      ],
      movesPod: move.movesPod,
    };
  }

  #movePods(pods: Batch['pods']): { requests: Request[]; movesPod: boolean } {
    const removed = new Map<string, string[]>();
    const added = new Map<string, SetElement[]>();
    let movesPod = false;
    const move = ({ map, address, chain }: Batch['pods'][number]): void => {
      const chains = this.#pods.get(map) ?? new Map<string, string>();
      this.#pods.set(map, chains);
      const before = chains.get(address);
      if (before === chain) {
        return;
      }
      if (before !== undefined) {
        append(removed, map, address);
      }
      if (chain === undefined) {
        chains.delete(address);
      } else {
        chains.set(address, chain);
        append(added, map, podElement([address, chain]));
        movesPod ||= before !== undefined && before !== OPEN && chain !== OPEN;
      }
    };
    pods.forEach(move);
    foreignEndMoves(this, this.scope.foreign?.addresses).forEach(move);
    return {
      requests: [
        ...[...removed].flatMap(([map, addresses]) => removing(map, addresses)),
        ...[...added].map(([name, elements]) => newElements({ ...IN_TABLE, name }, elements)),
      ],
      movesPod,
    };
  }
}

/** Returns the changes that make a ruleset of nothing. */
export function* changesOf({ members, namedPorts, chains, pods }: Ruleset): Generator<Change> {
  for (const [selection, addresses] of members) {
    for (const address of addresses) {
      yield { type: 'member', action: 'add', selection, address };
    }
  }
  for (const [selection, entries] of namedPorts) {
    for (const entry of entries) {
      yield { type: 'namedPort', action: 'add', selection, entry };
    }
  }
  for (const [name, rules] of chains) {
    yield { type: 'chain', action: 'replace', name, rules };
  }
  for (const direction of ['egress', 'ingress'] as const) {
    for (const [address, chain] of pods[direction]) {
      yield { type: 'pod', action: 'set', direction, address, chain };
    }
  }
}

/** Returns the rules of a chain in the kernel, and the sets that they look up. */
export function chainRules(
  rules: readonly Rule[],
  letter: string,
  scope: Scope,
): { rules: Expression[][]; sets: string[] } {
  const all = rules.map((rule) => kernelRules(rule, letter, scope));
  return {
    rules: all.flatMap((one) => one.rules),
    sets: [...new Set(all.flatMap((one) => one.sets))],
  };
}

/** Returns requests for the rules of a chain that has none. */
export const ruleRequests = ({ name, rules }: ChainRules): Request[] =>
  rules.map((expressions) => newRule({ ...IN_TABLE, chain: name, expressions }));

/**
 * Returns the element that sends the packets of an address to a chain, or accepts them. With each element that leads to a
 * chain, the kernel checks what all elements of the map lead to.
 */
export const podElement = ([address, chain]: readonly [string, string]): SetElement => ({
  key: elementKey(address),
  verdict: chain === OPEN ? { code: NF_ACCEPT } : { code: NFT_GOTO, chain },
});

/** Returns the requests that remove elements of a set or map. */
export const removing = (name: string, texts: readonly string[]): Request[] =>
  texts.length === 0
    ? []
    : [
        delElements(
          { ...IN_TABLE, name },
          texts.map((text) => ({ key: elementKey(text) })),
        ),
      ];

const adding = (name: string, texts: readonly string[] = []): Request[] =>
  texts.length === 0
    ? []
    : [
        newElements(
          { ...IN_TABLE, name },
          texts.map((text) => ({ key: elementKey(text) })),
        ),
      ];

/** Returns the type of a set by its name. */
function setType(name: string) {
  const address = name.endsWith('ipv4') ? ('ipv4_addr' as const) : ('ipv6_addr' as const);
  return { key: name.includes('/port-') ? ([address, 'inet_service'] as const) : address };
}

function append<T>(lists: Map<string, T[]>, name: string, item: T): void {
  const list = lists.get(name);
  if (list === undefined) {
    lists.set(name, [item]);
  } else {
    list.push(item);
  }
}
