/** Elements of the sets and maps of nftables. */
import { checkSpec } from '#check-spec';
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from '../codec/ack.ts';
import type { ByteOrder, Payload } from '../codec/bytes.ts';
import { Encoder, NLA_F_NESTED } from '../codec/encoder.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { attributesAfter } from '../codec/message.ts';
import type { AttributeReader } from '../codec/reader.ts';
import type { Request } from '../codec/request.ts';
import { type Decoded, keepUnknown, readField, type Table, writeFields } from '../codec/table.ts';
import { type Attributes, COMMENT_TEXT, ENCODED, nfBody, putAttributes } from './attributes.ts';
import { readComment } from './comment.ts';
import { readData, type Verdict } from './expression.ts';
import { dataAttributes, verdictAttributes } from './expression-encode.ts';
import { NFGENMSG_SIZE, nfHeader } from './nf-message.ts';
import * as nft from './objects.ts';
import { request } from './objects.ts';
import { type SetRef, setText } from './set.ts';

export const NFT_SET_ELEM_INTERVAL_END = 0x1;

const elementTable = {
  flags: [3, 'be32', 'NFTA_SET_ELEM_FLAGS'],
  /** Milliseconds. */
  timeout: [4, 'be64', 'NFTA_SET_ELEM_TIMEOUT'],
  expiration: [5, 'be64', 'NFTA_SET_ELEM_EXPIRATION'],
} as const satisfies Table;

const ELEM_LIST_TABLE = 1;
const ELEM_LIST_SET = 2;
export const ELEM_LIST_ELEMENTS = 3;
const ELEM_LIST_SET_ID = 4;
export const LIST_ELEM = 1;
const ELEM_KEY = 1;
export const ELEM_DATA = 2;
export const ELEM_USERDATA = 6;
const ELEM_KEY_END = 10;
/** Bytes of elements in one message. An attribute has at most 65,535 bytes. */
const MAX_LIST_BYTES = 48 * 1024;

/** An element. Keys are bytes in packet order; fields of a concatenation are padded to four bytes. */
export interface SetElement extends Decoded<typeof elementTable> {
  key: Uint8Array;
  /** End of the range, in a set of concatenated intervals. */
  keyEnd?: Uint8Array;
  /** At most 128 bytes. */
  comment?: string;
  data?: Uint8Array;
  verdict?: Verdict;
}

/**
 * NFT_MSG_NEWSETELEM, `nft add element`. An element that exists with the same value keeps its comment; with `exclusive`
 * it is EEXIST (`nft create element`). Elements that exceed one message continue in `more` of the request.
 */
export function newElements(
  set: SetRef & { setId?: number; exclusive?: boolean },
  elements: readonly SetElement[],
  order: ByteOrder = 'little',
): Request {
  return elementsRequest(
    nft.NFT_MSG_NEWSETELEM,
    NLM_F_CREATE | (set.exclusive ? NLM_F_EXCL : 0),
    `new elements of set ${setText(set)}`,
    set,
    elements,
    order,
  );
}

/**
 * NFT_MSG_DELSETELEM, `nft delete element`; without elements it deletes all, `nft flush set`. ENOENT when one does not
 * exist, unless `ifExists` (`nft destroy element`, Linux 6.3).
 */
export function delElements(
  set: SetRef & { ifExists?: boolean },
  elements: readonly SetElement[] = [],
  order: ByteOrder = 'little',
): Request {
  return elementsRequest(
    set.ifExists ? nft.NFT_MSG_DESTROYSETELEM : nft.NFT_MSG_DELSETELEM,
    0,
    `delete elements of set ${setText(set)}`,
    set,
    elements,
    order,
  );
}

/** NFT_MSG_GETSETELEM, `nft list set`. */
export function getElements(set: SetRef, order: ByteOrder = 'little'): Request {
  return elementsRequest(
    nft.NFT_MSG_GETSETELEM,
    NLM_F_DUMP,
    `dump elements of set ${setText(set)}`,
    set,
    [],
    order,
  );
}

/** NFT_MSG_GETSETELEM of one element. ENOENT when the element or the set does not exist. */
export function getElement(set: SetRef, key: Uint8Array, order: ByteOrder = 'little'): Request {
  return elementsRequest(
    nft.NFT_MSG_GETSETELEM,
    0,
    `get element of set ${setText(set)}`,
    set,
    [{ key }],
    order,
  );
}

function elementsRequest(
  type: number,
  flags: number,
  describe: string,
  set: SetRef & { setId?: number },
  elements: readonly SetElement[],
  order: ByteOrder,
): Request {
  checkSpec('set of elements', set);
  const { family, table, name, setId = null } = set;
  const only = elements[0];
  const list = only === undefined || elements.length > 1 ? null : [LIST_ELEM, elementAttributes(only, order)];
  const attributes = [
    ELEM_LIST_TABLE,
    table,
    ELEM_LIST_SET,
    name,
    ELEM_LIST_SET_ID,
    setId,
    ELEM_LIST_ELEMENTS,
    list,
  ];
  if (elements.length <= 1) {
    return { type, flags, payload: nfBody(family, attributes, order), describe };
  }
  let first: Request | undefined;
  const more: Request[] = [];
  for (let next = 0; ; ) {
    const encoder = putAttributes(nfHeader(family, order), attributes);
    next = writeElements(encoder, elements, next);
    const one = request(type, flags, encoder, describe);
    if (first === undefined) {
      first = one;
    } else {
      more.push(one);
    }
    if (next >= elements.length) {
      return more.length === 0 ? first : { ...first, more };
    }
  }
}

/** Writes as many elements as one message may hold. Returns the index of the next one. */
function writeElements(encoder: Encoder, elements: readonly SetElement[], from: number): number {
  let next = from;
  const list = encoder.nest(ELEM_LIST_ELEMENTS | NLA_F_NESTED);
  do {
    putAttributes(encoder, [LIST_ELEM, elementAttributes(elements[next++]!, encoder.order)]);
  } while (next < elements.length && encoder.length - list < MAX_LIST_BYTES);
  encoder.end(list);
  return next;
}

function elementAttributes(element: SetElement, order: ByteOrder): Attributes {
  const { key, keyEnd, data, verdict, comment } = element;
  if (!(key instanceof Uint8Array)) {
    const hint = 'an element is { key }, with the bytes of the key';
    throw new NetlinkEncodeError('BAD_REQUEST', `Not an element: ${JSON.stringify(element)}; ${hint}`);
  }
  checkSpec('element', element, elementTable);
  let numbers: Uint8Array | null = null;
  if (element.flags !== undefined || element.timeout !== undefined || element.expiration !== undefined) {
    // The caller may be using the encoder of requests.
    const encoder = new Encoder(order, 64);
    writeFields(encoder, elementTable, element);
    numbers = encoder.finish();
  }
  return [
    ELEM_KEY,
    dataAttributes(key),
    ELEM_KEY_END,
    keyEnd === undefined ? null : dataAttributes(keyEnd),
    ELEM_DATA,
    data === undefined ? null : dataAttributes(data),
    ELEM_DATA,
    verdict === undefined ? null : verdictAttributes(verdict),
    ENCODED,
    numbers,
    ELEM_USERDATA | COMMENT_TEXT,
    comment ?? null,
  ];
}

/**
 * Decodes the elements in the body of an NFT_MSG_NEWSETELEM.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeElements(payload: Payload): SetElement[] {
  const elements: SetElement[] = [];
  const reader = attributesAfter(payload, NFGENMSG_SIZE, 'nfgenmsg');
  while (reader.next()) {
    if (reader.type !== ELEM_LIST_ELEMENTS) {
      continue;
    }
    const list = reader.attributes('NFTA_SET_ELEM_LIST_ELEMENTS');
    while (list.next()) {
      elements.push(readElement(list.attributes('NFTA_LIST_ELEM')));
    }
  }
  return elements;
}

function readElement(reader: AttributeReader): SetElement {
  const element: SetElement = { key: new Uint8Array(0) };
  const into = element as unknown as Record<string, unknown>;
  while (reader.next()) {
    if (reader.type === ELEM_KEY || reader.type === ELEM_DATA || reader.type === ELEM_KEY_END) {
      const value = readData(reader.attributes('NFTA_SET_ELEM'));
      const member = reader.type === ELEM_KEY ? 'key' : reader.type === ELEM_KEY_END ? 'keyEnd' : 'data';
      into[value instanceof Uint8Array ? member : 'verdict'] = value;
    } else if (reader.type === ELEM_USERDATA) {
      const comment = readComment(reader.bytes, reader.start, reader.end);
      if (comment === undefined) {
        keepUnknown(element, reader);
      } else {
        element.comment = comment;
      }
    } else if (!readField(reader, elementTable, into)) {
      keepUnknown(element, reader);
    }
  }
  return element;
}
