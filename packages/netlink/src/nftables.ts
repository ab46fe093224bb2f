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
import { NETLINK_NETFILTER, sys as realSys } from '@cnikit/sys';
import type { ByteOrder } from './codec/bytes.ts';
import type { MessageReader } from './codec/message.ts';
import type { Request } from './codec/request.ts';
import { Connection } from './connection.ts';
import { NetlinkError } from './errors.ts';
import { NFNL_SUBSYS_NFTABLES, type NfFamily, nfHeader } from './netfilter/nf-message.ts';
import * as objects from './netfilter/objects.ts';
import { decodeRule, decodeRuleComment, getRules, type NftRule } from './netfilter/rule.ts';
import {
  decodeElements,
  decodeSet,
  getElement,
  getElements,
  type NftSet,
  type SetElement,
  type SetRef,
} from './netfilter/set.ts';
import type { OpenOptions } from './rtnetlink.ts';

export type { Expression, Verdict } from './netfilter/expression.ts';
export {
  NFT_REG_1,
  NFT_REG_2,
  NFT_REG_3,
  NFT_REG_4,
  NFT_REG_VERDICT,
  NFT_REG32_00,
} from './netfilter/expression.ts';
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
  delElements,
  delSet,
  NFT_SET_ANONYMOUS,
  NFT_SET_CONCAT,
  NFT_SET_CONSTANT,
  NFT_SET_ELEM_INTERVAL_END,
  NFT_SET_INTERVAL,
  NFT_SET_MAP,
  NFT_SET_TIMEOUT,
  type NftSet,
  newElements,
  newSet,
  type SetElement,
  type SetRef,
  type SetSpec,
} from './netfilter/set.ts';

const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;

/** Opens a connection to nftables. Fails as `openRtnetlink` does. */
export function openNftables({ sys = realSys, netns }: OpenOptions = {}): NftConnection {
  return new NftConnection(
    new Connection({ sys, protocol: NETLINK_NETFILTER, ...(netns !== undefined && { netns }) }),
  );
}

/** What a dump is narrowed to. */
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
   * Has all done as one transaction. Throws NetlinkError when the kernel refuses a
   * member: then nothing has changed, and `index` says which (-1: the whole).
   */
  commit(requests: readonly Request[], order: ByteOrder = 'little'): void {
    if (requests.length === 0) {
      return;
    }
    const bracket = (type: number): Request => {
      const payload = nfHeader('unspec', order, NFNL_SUBSYS_NFTABLES).finish();
      return { type, flags: 0, payload, describe: 'nftables transaction' };
    };
    this.connection.transaction([bracket(NFNL_MSG_BATCH_BEGIN), ...requests, bracket(NFNL_MSG_BATCH_END)]);
  }

  /** `nft list tables`. */
  tables(filter: NftFilter = {}): objects.NftTable[] {
    const all = this.#dump(objects.NFT_MSG_GETTABLE, filter, 'tables', objects.decodeTable);
    return all.filter(({ name }) => filter.table === undefined || name === filter.table);
  }

  /** `nft list chains`. */
  chains(filter: NftFilter = {}): objects.NftChain[] {
    const all = this.#dump(objects.NFT_MSG_GETCHAIN, filter, 'chains', objects.decodeChain);
    return all.filter(
      ({ table, name }) =>
        (filter.table === undefined || table === filter.table) &&
        (filter.chain === undefined || name === filter.chain),
    );
  }

  /** One table; undefined when there is none. */
  table(ref: objects.TableRef): objects.NftTable | undefined {
    return this.#find(objects.getTable(ref), objects.decodeTable);
  }

  /** One chain; undefined when there is none. */
  chain(ref: objects.ChainRef): objects.NftChain | undefined {
    return this.#find(objects.getChain(ref), objects.decodeChain);
  }

  /** One element of a set or map; undefined when it or the set is not there. */
  element(set: SetRef, key: Uint8Array): SetElement | undefined {
    return this.#find(getElement(set, key), (message) => decodeElements(message)[0]);
  }

  /** The rules in their order, chain by chain. */
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

  /** The comments of a chain's rules, of those that have one: a tenth of the work that the rules are. */
  ruleComments(chain: { family: NfFamily; table: string; chain: string }): string[] {
    return this.connection.dump(getRules(chain), (message) =>
      message.type === objects.NFT_MSG_NEWRULE ? decodeRuleComment(message) : undefined,
    );
  }

  /** Sets and maps, without their elements. */
  sets(filter: NftFilter = {}): NftSet[] {
    const all = this.#dump(objects.NFT_MSG_GETSET, filter, 'sets', decodeSet);
    return all.filter(({ table }) => filter.table === undefined || table === filter.table);
  }

  /** The elements of a set or map. Throws NetlinkError `ENOENT` when there is none of that name. */
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

  /** A dump of GET answers with NEW, whose number is one less. */
  #dump<T>(type: number, { family = 'unspec' }: NftFilter, what: string, decode: (message: never) => T): T[] {
    return this.connection.dump(objects.getAll(type, family, what, 'little'), (message) =>
      message.type === type - 1 ? decode(message as never) : undefined,
    );
  }
}
