/** Elements of the sets and maps of nftables. */
import { checkSpec } from '#check-spec';
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from '../codec/ack.ts';
import type { ByteOrder, Payload } from '../codec/bytes.ts';
import { type Encoder, NLA_F_NESTED } from '../codec/encoder.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { attributesAfter } from '../codec/message.ts';
import type { AttributeReader } from '../codec/reader.ts';
import type { Request } from '../codec/request.ts';
import { type Decoded, keepUnknown, readField, type Table, writeFields } from '../codec/table.ts';
import { commentData, readComment } from './comment.ts';
import { readData, type Verdict } from './expression.ts';
import { writeData, writeVerdict } from './expression-encode.ts';
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

const USERDATA = 6;
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
  const { family, table, name, setId } = set;
  let first: Request | undefined;
  const more: Request[] = [];
  for (let next = 0; ; ) {
    const encoder = nfHeader(family, order).string(1, table).string(2, name);
    if (setId !== undefined) {
      encoder.be32(4, setId);
    }
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
  if (next < elements.length) {
    const list = encoder.nest(3 | NLA_F_NESTED);
    do {
      writeElement(encoder, elements[next++]!);
    } while (next < elements.length && encoder.length - list < MAX_LIST_BYTES);
    encoder.end(list);
  }
  return next;
}

function writeElement(encoder: Encoder, element: SetElement): void {
  if (!(element.key instanceof Uint8Array)) {
    const hint = 'an element is { key }, with the bytes of the key';
    throw new NetlinkEncodeError('BAD_REQUEST', `Not an element: ${JSON.stringify(element)}; ${hint}`);
  }
  checkSpec('element', element, elementTable);
  const item = encoder.nest(1 | NLA_F_NESTED);
  writeData(encoder, 1, element.key);
  if (element.keyEnd !== undefined) {
    writeData(encoder, 10, element.keyEnd);
  }
  if (element.data !== undefined) {
    writeData(encoder, 2, element.data);
  }
  if (element.verdict !== undefined) {
    writeVerdict(encoder, 2, element.verdict);
  }
  if (element.flags !== undefined || element.timeout !== undefined || element.expiration !== undefined) {
    writeFields(encoder, elementTable, element);
  }
  if (element.comment !== undefined) {
    encoder.raw(USERDATA, commentData(element.comment));
  }
  encoder.end(item);
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
    if (reader.type !== 3) {
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
    if (reader.type === 1 || reader.type === 2 || reader.type === 10) {
      const value = readData(reader.attributes('NFTA_SET_ELEM'));
      const member = reader.type === 1 ? 'key' : reader.type === 10 ? 'keyEnd' : 'data';
      into[value instanceof Uint8Array ? member : 'verdict'] = value;
    } else if (reader.type === USERDATA) {
      const comment = readComment(reader.raw());
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
