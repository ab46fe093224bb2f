/** Bodies of nfnetlink requests, as lists of attributes. */
import { encodeAttributes } from '#native';
import type { ByteOrder } from '../codec/bytes.ts';
import { type Encoder, NLA_F_NESTED } from '../codec/encoder.ts';
import { commentData } from './comment.ts';
import { type NfFamily, nfFamilyNumber, nfHeader } from './nf-message.ts';

/** In place of a type: the value is attributes in little endian that are encoded already. */
export const ENCODED = 0;
/** Added to a type: the text is a comment, as user data contains it. */
export const COMMENT_TEXT = 0x10000;

/**
 * Attributes to encode: type, value, type, value and so on. Text gets a NUL, a number has 32 bits in network byte order, a
 * list is what a nested attribute contains, and `null` leaves the attribute out.
 */
export type Attributes = readonly (string | number | Uint8Array | Attributes | null)[];

/** Encodes struct nfgenmsg and attributes. The static executable does it in one step. */
export function nfBody(family: NfFamily, attributes: Attributes, order: ByteOrder): Uint8Array {
  const encoded = order === 'little' ? encodeAttributes(nfFamilyNumber(family) << 24, attributes) : undefined;
  return encoded ?? putAttributes(nfHeader(family, order), attributes).finish();
}

/** Writes attributes; their errors are those of the encoder. */
export function putAttributes(encoder: Encoder, attributes: Attributes): Encoder {
  for (let i = 0; i < attributes.length; i += 2) {
    const type = attributes[i] as number;
    const value = attributes[i + 1];
    if (value instanceof Uint8Array) {
      if (type === ENCODED) {
        encoder.putBytes(value).putZeros(-value.length & 3);
      } else {
        encoder.raw(type, value);
      }
    } else if (Array.isArray(value)) {
      const token = encoder.nest(type | NLA_F_NESTED);
      putAttributes(encoder, value).end(token);
    } else if (typeof value === 'number') {
      encoder.be32(type, value);
    } else if (value !== null && type >= COMMENT_TEXT) {
      encoder.raw(type - COMMENT_TEXT, commentData(value as string));
    } else if (value !== null) {
      encoder.string(type, value as string);
    }
  }
  return encoder;
}
