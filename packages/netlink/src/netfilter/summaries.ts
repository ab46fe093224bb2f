/** Decoders of a few attributes, for callers that need no more of an object. */
import { findAttribute } from '#native';
import { type Payload, readU16, readU32 } from '../codec/bytes.ts';
import { NLA_HDRLEN } from '../codec/encoder.ts';
import { decodeText } from '../codec/text.ts';
import { readComment } from './comment.ts';
import { NFTA_DATA_VERDICT, NFTA_VERDICT_CHAIN } from './expression.ts';
import { NFGENMSG_SIZE, nfFamilyWord } from './nf-message.ts';
import { NFTA_CHAIN_USE, NFTA_TABLE_NAME, NFTA_TABLE_USE, type TableRef } from './objects.ts';
import { NFTA_RULE_USERDATA } from './rule.ts';
import { ELEM_DATA, ELEM_LIST_ELEMENTS, ELEM_USERDATA, LIST_ELEM } from './set-elements.ts';

/** The types of an attribute and of those that it is in. */
type Path = readonly number[];

const NAME_OF_TABLE = [NFTA_TABLE_NAME];
const USE_OF_TABLE = [NFTA_TABLE_USE];
const USE_OF_CHAIN = [NFTA_CHAIN_USE];
const COMMENT_OF_RULE = [NFTA_RULE_USERDATA];
const COMMENT_OF_ELEMENT = [ELEM_LIST_ELEMENTS, LIST_ELEM, ELEM_USERDATA];
const CHAIN_OF_ELEMENT = [ELEM_LIST_ELEMENTS, LIST_ELEM, ELEM_DATA, NFTA_DATA_VERDICT, NFTA_VERDICT_CHAIN];

/** Returns the position of an attribute, or -1. An invalid attribute before it counts as the end. */
const find = ({ bytes, start, end }: Payload, path: Path): number =>
  findAttribute(bytes, start + NFGENMSG_SIZE, end, path);

function textAt(payload: Payload, path: Path): string | undefined {
  const { bytes } = payload;
  const at = find(payload, path);
  return at < 0 ? undefined : decodeText(bytes, at + NLA_HDRLEN, at + readU16(bytes, at, true));
}

function commentAt(payload: Payload, path: Path): string | undefined {
  const { bytes } = payload;
  const at = find(payload, path);
  return at < 0 ? undefined : readComment(bytes, at + NLA_HDRLEN, at + readU16(bytes, at, true));
}

/** Returns a number of 32 bits, 0 when it is absent. */
function numberAt(payload: Payload, path: Path): number {
  const at = find(payload, path);
  return at < 0 ? 0 : readU32(payload.bytes, at + NLA_HDRLEN, false);
}

/** Decodes the name of a table. */
export function decodeTableRef(payload: Payload): TableRef {
  return {
    family: nfFamilyWord(payload.bytes[payload.start]),
    name: textAt(payload, NAME_OF_TABLE) ?? '',
  };
}

/** Decodes the number of chains and sets of a table. */
export const decodeTableUse = (payload: Payload): number => numberAt(payload, USE_OF_TABLE);

/** Decodes the number of references to a chain. */
export const decodeChainUse = (payload: Payload): number => numberAt(payload, USE_OF_CHAIN);

/** Decodes the comment of a rule. */
export const decodeRuleComment = (payload: Payload): string | undefined =>
  commentAt(payload, COMMENT_OF_RULE);

/** The chain that an element of a map leads to, and its comment; each undefined when there is none. */
export interface ElementTarget {
  chain: string | undefined;
  comment: string | undefined;
}

/** Decodes the chain of the verdict of an element, and its comment. */
export const decodeElementTarget = (payload: Payload): ElementTarget => ({
  chain: textAt(payload, CHAIN_OF_ELEMENT),
  comment: commentAt(payload, COMMENT_OF_ELEMENT),
});
