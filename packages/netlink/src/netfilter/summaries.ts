/** Decoders of one attribute, for callers that need no more of a table or chain. */
import type { Payload } from '../codec/bytes.ts';
import { attributesAfter } from '../codec/message.ts';
import type { AttributeReader } from '../codec/reader.ts';
import { NFGENMSG_SIZE, nfFamilyWord } from './nf-message.ts';
import { NFTA_CHAIN_USE, NFTA_TABLE_NAME, NFTA_TABLE_USE, type TableRef } from './objects.ts';

type Wanted = readonly (true | undefined)[];

const only = (type: number): Wanted => Array.from({ length: type + 1 }, (_, i) => i === type || undefined);
const NAME_OF_TABLE = only(NFTA_TABLE_NAME);
const USE_OF_TABLE = only(NFTA_TABLE_USE);
const USE_OF_CHAIN = only(NFTA_CHAIN_USE);

const after = (payload: Payload): AttributeReader => attributesAfter(payload, NFGENMSG_SIZE, 'nfgenmsg');

/**
 * Decodes the name of a table.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink, like the others
 */
export function decodeTableRef(payload: Payload): TableRef {
  const reader = after(payload);
  const name = reader.nextOf(NAME_OF_TABLE) ? reader.string() : '';
  return { family: nfFamilyWord(payload.bytes[payload.start]), name };
}

/** Decodes the number of chains and sets of a table. */
export function decodeTableUse(payload: Payload): number {
  const reader = after(payload);
  return reader.nextOf(USE_OF_TABLE) ? reader.be32('NFTA_TABLE_USE') : 0;
}

/** Decodes the number of references to a chain. */
export function decodeChainUse(payload: Payload): number {
  const reader = after(payload);
  return reader.nextOf(USE_OF_CHAIN) ? reader.be32('NFTA_CHAIN_USE') : 0;
}
