/**
 * nftables: tables, chains, rules, sets and maps, changed by transactions. The kernel applies a transaction whole or not
 * at all.
 *
 * ```ts
 * import { newChain, newRule, newTable, openNftables } from '@cnikit/netlink/nftables';
 * import * as expr from '@cnikit/netlink/nftables/expr';
 *
 * const nft = openNftables();
 * const chain = { family: 'inet', table: 'pods', chain: 'nat' } as const;
 * nft.commit([
 *   newTable({ family: 'inet', name: 'pods' }),
 *   newChain({ family: 'inet', table: 'pods', name: 'nat', hook: { type: 'nat', hook: 'postrouting', priority: 100 } }),
 *   newRule({ ...chain, expressions: [...expr.source('10.244.0.0/16'), ...expr.masquerade()] }),
 * ]);
 * console.log(nft.rules({ family: 'inet', table: 'pods' }).length); // 1
 * nft.close();
 * ```
 *
 * @module
 */

import { NETLINK_NETFILTER } from '@cnikit/sys';
import { checkSpec } from '#check-spec';
import { NetlinkEncodeError } from './codec/errors.ts';
import type { MessageReader } from './codec/message.ts';
import type { Request } from './codec/request.ts';
import type { Connection } from './connection.ts';
import { NetlinkError } from './errors.ts';
import { NFNL_SUBSYS_NFTABLES, type NfFamily, nfHeader } from './netfilter/nf-message.ts';
import * as objects from './netfilter/objects.ts';
import { decodeRule, getRules, type NftRule } from './netfilter/rule.ts';
import { decodeSet, type NftSet, type SetRef } from './netfilter/set.ts';
import { decodeElements, getElement, getElements, type SetElement } from './netfilter/set-elements.ts';
import {
  decodeChainUse,
  decodeElementTarget,
  decodeRuleComment,
  decodeTableRef,
  decodeTableUse,
  type ElementTarget,
} from './netfilter/summaries.ts';
import { type OpenOptions, openProtocol } from './open.ts';

export type { Expression, Verdict } from './netfilter/expression.ts';
export {
  NFT_REG_1,
  NFT_REG_2,
  NFT_REG_3,
  NFT_REG_4,
  NFT_REG_VERDICT,
  NFT_REG32_00,
} from './netfilter/expression.ts';
export {
  decodeOther,
  encodeOther,
  type OtherExpression,
  type OtherFields,
  type OtherKind,
} from './netfilter/expression-other.ts';
export {
  delFlowtable,
  type Flowtable,
  type FlowtableRef,
  type FlowtableSpec,
  newFlowtable,
} from './netfilter/flowtable.ts';
export {
  type CounterSpec,
  delObject,
  type LimitSpec,
  type NftObject,
  newCounter,
  newLimit,
  newQuota,
  type ObjectRef,
  type QuotaSpec,
} from './netfilter/named-objects.ts';
export type { NfFamily } from './netfilter/nf-message.ts';
export {
  type ChainHook,
  type ChainRef,
  type ChainSpec,
  delChain,
  delTable,
  NF_ACCEPT,
  NF_DROP,
  NFT_BREAK,
  NFT_CONTINUE,
  NFT_GOTO,
  NFT_JUMP,
  NFT_RETURN,
  type NftChain,
  type NftTable,
  newChain,
  newTable,
  type TableRef,
} from './netfilter/objects.ts';
export { delRule, type NftRule, newRule, type RuleSpec } from './netfilter/rule.ts';
export {
  type DataType,
  delSet,
  NFT_SET_ANONYMOUS,
  NFT_SET_CONCAT,
  NFT_SET_CONSTANT,
  NFT_SET_EVAL,
  NFT_SET_INTERVAL,
  NFT_SET_MAP,
  NFT_SET_TIMEOUT,
  type NftSet,
  newSet,
  type SetRef,
  type SetSpec,
} from './netfilter/set.ts';
export {
  delElements,
  NFT_SET_ELEM_INTERVAL_END,
  newElements,
  type SetElement,
} from './netfilter/set-elements.ts';

export type { ElementTarget } from './netfilter/summaries.ts';
export {
  flowtables,
  generation,
  namedObjects,
  type Snapshot,
  snapshot,
} from './nft-snapshot.ts';

const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;

/** One end of a transaction. All its numbers are in network byte order. */
const bracket = (type: number): Request => {
  const payload = nfHeader('unspec', 'little', NFNL_SUBSYS_NFTABLES).finish();
  return { type, flags: 0, payload, describe: 'nftables transaction' };
};
const BEGIN = bracket(NFNL_MSG_BATCH_BEGIN);
const END = bracket(NFNL_MSG_BATCH_END);
const ALL_TABLES = objects.getAll(objects.NFT_MSG_GETTABLE, 'unspec', 'tables', 'little');

/**
 * Opens a connection to nftables.
 *
 * @throws {SysError} like `openRtnetlink()`
 */
export function openNftables(options: OpenOptions = {}): NftConnection {
  return new NftConnection(openProtocol(NETLINK_NETFILTER, options));
}

/** Filter of a dump. */
export interface NftFilter {
  family?: NfFamily;
  table?: string;
  chain?: string;
}

/** The rule set of one network namespace. */
export class NftConnection {
  readonly connection: Connection;

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /**
   * Sends all requests as one transaction.
   *
   * @throws {NetlinkError} when the kernel refuses a request. Then nothing has changed, and `index` is its index (-1: the
   * whole transaction).
   */
  commit(requests: readonly Request[]): void {
    if (!Array.isArray(requests)) {
      throw new NetlinkEncodeError('BAD_REQUEST', 'A transaction is an array of requests');
    }
    if (requests.length === 0) {
      return;
    }
    if (requests.every(({ more }) => more === undefined)) {
      this.connection.transaction([BEGIN, ...requests, END]);
      return;
    }
    const messages = requests.flatMap((request) => [request, ...(request.more ?? [])]);
    const indexes = requests.flatMap(({ more = [] }, index) => [index, ...more.map(() => index)]);
    this.connection.transaction([BEGIN, ...messages, END], indexes);
  }

  /** Returns tables, `nft list tables`. */
  tables(filter: NftFilter = {}): objects.NftTable[] {
    const all = this.#dump(objects.NFT_MSG_GETTABLE, filter, 'tables', objects.decodeTable);
    return all.filter(({ name }) => filter.table === undefined || name === filter.table);
  }

  /** Returns the names of all tables, for a quarter of the work of `tables()`. */
  tableRefs(): objects.TableRef[] {
    return this.connection.dump(ALL_TABLES, (message) =>
      message.type === objects.NFT_MSG_NEWTABLE ? decodeTableRef(message) : undefined,
    );
  }

  /** Returns chains, `nft list chains`. */
  chains(filter: NftFilter = {}): objects.NftChain[] {
    const all = this.#dump(objects.NFT_MSG_GETCHAIN, filter, 'chains', objects.decodeChain);
    return all.filter(
      ({ table, name }) =>
        (filter.table === undefined || table === filter.table) &&
        (filter.chain === undefined || name === filter.chain),
    );
  }

  /** Returns a table, or `undefined` when it does not exist. */
  table(ref: objects.TableRef): objects.NftTable | undefined {
    return this.#find(objects.getTable(ref), objects.decodeTable);
  }

  /** Returns how many chains and sets a table has; `undefined` when it does not exist. Less work than `table()`. */
  tableUse(ref: objects.TableRef): number | undefined {
    return this.#find(objects.getTable(ref), decodeTableUse);
  }

  /** Returns a chain, or `undefined` when it does not exist. */
  chain(ref: objects.ChainRef): objects.NftChain | undefined {
    return this.#find(objects.getChain(ref), objects.decodeChain);
  }

  /**
   * Returns how many rules a chain has, plus references to it from elsewhere; `undefined` when it does not exist. Less
   * work than `chain()`.
   */
  chainUse(ref: objects.ChainRef): number | undefined {
    return this.#find(objects.getChain(ref), decodeChainUse);
  }

  /** Like `chainUse()` for several chains, by one system call instead of one for each. */
  chainUses(refs: readonly objects.ChainRef[]): (number | undefined)[] {
    const requests = refs.map((ref) => objects.getChain(ref));
    return this.connection.queryEach(requests, (message) =>
      message.type === objects.NFT_MSG_NEWCHAIN ? decodeChainUse(message) : undefined,
    );
  }

  /** Returns an element of a set or map, or `undefined` when the element or the set does not exist. */
  element(set: SetRef, key: Uint8Array): SetElement | undefined {
    return this.#find(getElement(set, key), (message) => decodeElements(message)[0]);
  }

  /**
   * Returns where an element of a map leads, or `undefined` when the element or the map does not exist. Less work than
   * `element()`.
   */
  elementTarget(map: SetRef, key: Uint8Array): ElementTarget | undefined {
    return this.#find(getElement(map, key), decodeElementTarget);
  }

  /** Returns rules in order, chain by chain. */
  rules(filter: NftFilter = {}): NftRule[] {
    const all = this.connection.dump(getRules(filter), (message) =>
      message.type === objects.NFT_MSG_NEWRULE ? decodeRule(message) : undefined,
    );
    return all.filter(
      ({ table, chain }) =>
        (filter.table === undefined || table === filter.table) &&
        (filter.chain === undefined || chain === filter.chain),
    );
  }

  /** Returns the comments of a chain's rules, for a tenth of the work of `rules()`. Rules without a comment are omitted. */
  ruleComments(chain: { family: NfFamily; table: string; chain: string }): string[] {
    return this.connection.dump(getRules(chain), (message) =>
      message.type === objects.NFT_MSG_NEWRULE ? decodeRuleComment(message) : undefined,
    );
  }

  /** Returns sets and maps, without their elements. */
  sets(filter: NftFilter = {}): NftSet[] {
    const all = this.#dump(objects.NFT_MSG_GETSET, filter, 'sets', decodeSet);
    return all.filter(({ table }) => filter.table === undefined || table === filter.table);
  }

  /**
   * Returns the elements of a set or map.
   *
   * @throws {NetlinkError} ENOENT when the set does not exist
   */
  elements(set: SetRef): SetElement[] {
    return this.connection.dump(getElements(set), decodeElements).flat();
  }

  /** Closes the socket. A second call does nothing. */
  close(): void {
    this.connection.close();
  }

  /** Closes at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.close();
  }

  #find<T>(request: Request, decode: (message: MessageReader) => T): T | undefined {
    try {
      return this.connection.queryOne(request, (message) =>
        message.type === request.type - 1 ? decode(message) : undefined,
      );
    } catch (error) {
      if (error instanceof NetlinkError && error.code === 'ENOENT' && error.cause === undefined) {
        return undefined;
      }
      throw error;
    }
  }

  /** Dumps objects. The answers to a GET message are NEW messages, whose number is one less. */
  #dump<T>(type: number, filter: NftFilter, what: string, decode: (message: never) => T): T[] {
    checkSpec('filter of nftables', filter);
    const { family = 'unspec' } = filter;
    return this.connection.dump(objects.getAll(type, family, what, 'little'), (message) =>
      message.type === type - 1 ? decode(message as never) : undefined,
    );
  }
}
