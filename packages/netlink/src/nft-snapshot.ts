/** Named objects, flow tables and the generation of the rule set. */
import { checkSpec } from '#check-spec';
import { attributesAfter } from './codec/message.ts';
import type { Connection } from './connection.ts';
import { decodeFlowtable, type Flowtable, NFT_MSG_GETFLOWTABLE } from './netfilter/flowtable.ts';
import {
  decodeObject,
  NFT_MSG_GETOBJ,
  NFT_MSG_GETOBJ_RESET,
  type NftObject,
} from './netfilter/named-objects.ts';
import { NFGENMSG_SIZE, NFNL_SUBSYS_NFTABLES, type NfFamily, nfHeader } from './netfilter/nf-message.ts';
import { getAll, request } from './netfilter/objects.ts';

const NFT_MSG_NEWGEN = (NFNL_SUBSYS_NFTABLES << 8) | 15;
const NFT_MSG_GETGEN = (NFNL_SUBSYS_NFTABLES << 8) | 16;
const NFTA_GEN_ID = 1;

/** A connection to nftables. */
interface Nft {
  readonly connection: Connection;
}

interface Filter {
  family?: NfFamily;
  table?: string;
}

/** Returns the number of the rule set's current version. Each transaction increments it. */
export function generation({ connection }: Nft): number {
  const encoder = nfHeader('unspec', 'little');
  const id = connection.query(request(NFT_MSG_GETGEN, 0, encoder, 'get the generation'), (message) => {
    if (message.type !== NFT_MSG_NEWGEN) {
      return undefined;
    }
    const reader = attributesAfter(message, NFGENMSG_SIZE, 'nfgenmsg');
    while (reader.next()) {
      if (reader.type === NFTA_GEN_ID) {
        return reader.be32('NFTA_GEN_ID');
      }
    }
    return undefined;
  });
  return id ?? 0;
}

/** A consistent reading. */
export interface Snapshot<T> {
  generation: number;
  value: T;
}

/**
 * Returns what `read` returns of one version of the rule set: reads again until no transaction came between.
 * `snapshot(nft, () => ({ chains: nft.chains(), rules: nft.rules() }))`
 *
 * @throws {Error} when the rule set changed during each of `attempts` readings (100)
 */
export function snapshot<T>(nft: Nft, read: () => T, { attempts = 100 } = {}): Snapshot<T> {
  let before = generation(nft);
  for (let i = 0; i < attempts; i++) {
    const value = read();
    const after = generation(nft);
    if (after === before) {
      return { generation: after, value };
    }
    before = after;
  }
  throw new Error(`The nftables rule set changed during each of ${attempts} readings; try again`);
}

/** Returns named counters, quotas, limits and other objects. `reset` sets counters and quotas to 0. */
export function namedObjects({ connection }: Nft, filter: Filter & { reset?: boolean } = {}): NftObject[] {
  checkSpec('filter of objects', filter);
  const { family = 'unspec', table, reset = false } = filter;
  const type = reset ? NFT_MSG_GETOBJ_RESET : NFT_MSG_GETOBJ;
  const all = connection.dump(getAll(type, family, 'objects', 'little'), (message) =>
    message.type === NFT_MSG_GETOBJ - 1 ? decodeObject(message) : undefined,
  );
  return all.filter((object) => table === undefined || object.table === table);
}

/** Returns flow tables. */
export function flowtables({ connection }: Nft, filter: Filter = {}): Flowtable[] {
  checkSpec('filter of nftables', filter);
  const { family = 'unspec', table } = filter;
  const dump = getAll(NFT_MSG_GETFLOWTABLE, family, 'flowtables', 'little');
  const all = connection.dump(dump, (message) =>
    message.type === NFT_MSG_GETFLOWTABLE - 1 ? decodeFlowtable(message) : undefined,
  );
  return all.filter((one) => table === undefined || one.table === table);
}
