/** Comments in the format of `nft`: in the user data of rules, tables and set elements, which the kernel does not read. */
import { NetlinkEncodeError } from '../codec/errors.ts';
import { decodeText, encodeText, textLength } from '../codec/text.ts';

/** NFTNL_UDATA_RULE_COMMENT, NFTNL_UDATA_SET_ELEM_COMMENT. */
const COMMENT = 0;

/** Maximum length of a comment in `nft`, in bytes (NFTNL_UDATA_COMMENT_MAXLEN). */
const MAX_LENGTH = 128;

/** Returns user data with a comment of at most 128 bytes. */
export function commentData(comment: string): Uint8Array {
  const size = textLength(comment) + 1;
  if (size > MAX_LENGTH + 1) {
    throw new NetlinkEncodeError('TOO_LONG', `Comment too long: ${size - 1} bytes, maximum ${MAX_LENGTH}`);
  }
  const data = new Uint8Array(2 + size);
  data[0] = COMMENT;
  data[1] = size;
  encodeText(comment, data, 2);
  return data;
}

/**
 * Returns the comment in user data, which are `bytes[start, end)`: a list of type, length and value. Other programs may store
 * anything there.
 */
export function readComment(bytes: Uint8Array, start: number, end: number): string | undefined {
  for (let at = start; at + 2 <= end; at += 2 + bytes[at + 1]!) {
    if (bytes[at] === COMMENT) {
      return decodeText(bytes, at + 2, Math.min(at + 2 + bytes[at + 1]!, end));
    }
  }
  return undefined;
}
