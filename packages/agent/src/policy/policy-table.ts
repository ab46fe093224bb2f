/**
 * Keeps the table of NetworkPolicies. A change of the ruleset is one transaction. Where a pod goes from one list of
 * policies to another, the new chains are committed before it: a packet that reads the rules of the old generation would
 * find a new chain empty. A rebuild makes all objects under a new letter, switches the pods in one transaction, and then
 * removes the old objects, so that packets meet complete rules at any time.
 */
import type { Request } from '@cnikit/netlink';
import {
  delChain,
  delRule,
  delSet,
  delTable,
  type NftConnection,
  newChain,
  newElements,
  newSet,
  newTable,
} from '@cnikit/netlink/nftables';
import type { Change, Ruleset } from '@cnikit/policy';
import { canonical, hookText } from '../core/filter-table.ts';
import { POLICY_TABLE } from '../core/names.ts';
import { podMapShape, podMaps, readObjects, readPods, readRules, type TableObjects } from './kernel-table.ts';
import { freeLetter, IN_TABLE } from './names.ts';
import { changesOf, Programmed, podElement, removing, ruleRequests } from './programmed.ts';
import { baseChains, type ChainRules, type Scope } from './rules.ts';
import { tableDifference } from './table-difference.ts';

const TABLE = { family: IN_TABLE.family, name: POLICY_TABLE } as const;
/** A rebuild splits what no packet meets yet into transactions of at most this many bytes. */
const MAX_BYTES = 900_000;

export class PolicyTable {
  readonly #nft: NftConnection;
  #now: Programmed | undefined;
  #commits = 0;

  /** The connection stays the caller's. */
  constructor(nft: NftConnection) {
    this.#nft = nft;
  }

  /** Number of transactions so far. */
  get commits(): number {
    return this.#commits;
  }

  /**
   * Programs changes of the ruleset that the table holds.
   *
   * @throws {NetlinkError} when the kernel refuses them; then only {@link rebuild} works
   */
  apply(changes: readonly Change[]): void {
    const now = this.#now;
    if (now === undefined) {
      throw new Error('The table of NetworkPolicies needs a rebuild before a change');
    }
    this.#now = undefined;
    const { prepare, change, movesPod } = now.apply(changes);
    if (movesPod) {
      this.#commit(prepare);
      this.#commit(change);
    } else {
      this.#commit([...prepare, ...change]);
    }
    this.#now = now;
  }

  /**
   * Makes the table hold exactly a ruleset. Returns the addresses of pods that the table had and the ruleset has not.
   *
   * @throws {NetlinkError} when the kernel refuses it; then packets still meet the old rules
   */
  rebuild(ruleset: Ruleset, scope: Scope): string[] {
    this.#now = undefined;
    const present = readObjects(this.#nft);
    const gone = present === undefined ? [] : this.#podsOf(present).filter((one) => !isPod(ruleset, one));
    if (present !== undefined && hasBase(present, scope)) {
      try {
        this.#now = this.#rebuildBeside(present, ruleset, scope);
        return gone;
      } catch {
        // Foreign objects that refer to ours can cause it. Replacing the whole table removes them, and the objects of
        // this attempt.
      }
    }
    this.#now = this.#replace(ruleset, scope);
    return gone;
  }

  /** Returns the addresses of pods that the table has. One of another version may lack some of the maps. */
  #podsOf({ sets }: TableObjects): string[] {
    return podMaps
      .filter((map) => map.key !== 'ifname' && isPodMap(map, sets))
      .flatMap(({ name }) => [...readPods(this.#nft, name).keys()]);
  }

  /** Returns a difference between the kernel and the ruleset as a part of a sentence; undefined when there is none. */
  difference(ruleset: Ruleset): string | undefined {
    return this.#now && tableDifference(this.#nft, ruleset, this.#now);
  }

  #rebuildBeside(present: TableObjects, ruleset: Ruleset, scope: Scope): Programmed {
    const letter = freeLetter([...present.chains.keys(), ...present.sets.keys()]);
    const now = new Programmed(letter, scope);
    this.#commit(
      baseChains(scope)
        .filter(({ name, hook }) => hook === undefined && !present.chains.has(name))
        .flatMap(chainRequests),
    );
    for (const requests of split(now.apply(changesOf(ruleset)).prepare)) {
      this.#commit(requests);
    }
    this.#commit([...this.#podSwitch(now), ...this.#baseSwitch(present, scope)]);
    const own = new Set([
      ...podMaps.map(({ name }) => name),
      ...baseChains(scope).map(({ name }) => name),
      ...now.names.sets,
      ...now.names.chains,
    ]);
    this.#commit(removal(present, (name) => !own.has(name)));
    return now;
  }

  /** Returns the requests that give each pod its chain. */
  #podSwitch(now: Programmed): Request[] {
    return podMaps.flatMap(({ name }) => {
      const [have, want] = [readPods(this.#nft, name), now.pods(name)];
      const removed = [...have].filter(([address, chain]) => want.get(address) !== chain);
      const added = [...want].filter(([address, chain]) => have.get(address) !== chain);
      return [
        ...removing(
          name,
          removed.map(([address]) => address),
        ),
        ...podElements(name, added),
      ];
    });
  }

  /** Returns the requests that repair the chains that every table has. */
  #baseSwitch({ chains }: TableObjects, scope: Scope): Request[] {
    return baseChains(scope).flatMap((chain) => {
      if (chain.hook !== undefined && !chains.has(chain.name)) {
        return chainRequests(chain);
      }
      const have = readRules(this.#nft, chain.name).get(chain.name) ?? [];
      const same =
        have.length === chain.rules.length && chain.rules.every((rule, i) => canonical(rule) === have[i]);
      return same ? [] : [delRule({ ...IN_TABLE, chain: chain.name }), ...ruleRequests(chain)];
    });
  }

  /** Replaces the table in one transaction. */
  #replace(ruleset: Ruleset, scope: Scope): Programmed {
    const now = new Programmed('a', scope);
    const { prepare } = now.apply(changesOf(ruleset));
    const base = baseChains(scope);
    this.#commit([
      newTable(TABLE),
      delTable(TABLE),
      newTable(TABLE),
      ...podMaps.map(({ name, key }) => newSet({ ...IN_TABLE, name, key, data: 'verdict' })),
      ...base.filter(({ hook }) => hook === undefined).flatMap(chainRequests),
      ...prepare,
      ...podMaps.flatMap(({ name }) => podElements(name, [...now.pods(name)])),
      ...base.filter(({ hook }) => hook !== undefined).flatMap(chainRequests),
    ]);
    return now;
  }

  #commit(requests: readonly Request[]): void {
    if (requests.length > 0) {
      this.#nft.commit(requests);
      this.#commits++;
    }
  }
}

/** Returns whether an address is that of a pod of the node. */
const isPod = ({ pods }: Ruleset, address: string): boolean =>
  pods.egress.has(address) || pods.ingress.has(address);

/** Returns whether a rebuild can keep the maps and base chains. */
function hasBase({ dormant, chains, sets }: TableObjects, scope: Scope): boolean {
  return (
    !dormant &&
    podMaps.every((map) => isPodMap(map, sets)) &&
    baseChains(scope).every(({ name, hook }) => [undefined, hookText(hook)].includes(chains.get(name)))
  );
}

const isPodMap = (map: (typeof podMaps)[number], sets: TableObjects['sets']): boolean =>
  sets.get(map.name) === podMapShape(map);

/** Returns the requests that remove chains and sets. */
function removal({ chains, sets }: TableObjects, removes: (name: string) => boolean): Request[] {
  const chainNames = [...chains.keys()].filter(removes);
  return [
    ...chainNames.map((chain) => delRule({ ...IN_TABLE, chain })),
    ...chainNames.map((name) => delChain({ ...IN_TABLE, name })),
    ...[...sets.keys()].filter(removes).map((name) => delSet({ ...IN_TABLE, name })),
  ];
}

const podElements = (name: string, pods: readonly (readonly [string, string])[]): Request[] =>
  pods.length === 0 ? [] : [newElements({ ...IN_TABLE, name }, pods.map(podElement))];

const chainRequests = (chain: ChainRules): Request[] => [
  newChain({ ...IN_TABLE, name: chain.name, ...(chain.hook && { hook: chain.hook }) }),
  ...ruleRequests(chain),
];

function* split(requests: readonly Request[]): Generator<readonly Request[]> {
  let from = 0;
  let size = 0;
  for (const [i, { payload, more = [] }] of requests.entries()) {
    const bytes = more.reduce((sum, message) => sum + message.payload.length, payload.length);
    if (size + bytes > MAX_BYTES && i > from) {
      yield requests.slice(from, i);
      [from, size] = [i, 0];
    }
    size += bytes;
  }
  yield requests.slice(from);
}
