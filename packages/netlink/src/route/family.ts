import type { Family } from '@cnikit/ip';
import type { Payload } from '../codec/bytes.ts';
import { NetlinkDecodeError, NetlinkEncodeError } from '../codec/errors.ts';
import { isIPv6 } from '../codec/family.ts';
import { AF_INET, AF_INET6, AF_UNSPEC } from './constants.ts';

export const familyNumber = (family: Family): number => (isIPv6(family) ? AF_INET6 : AF_INET);

/** Returns the family of a filter; AF_UNSPEC selects all. */
export const familyFilter = (family: Family | undefined): number =>
  family === undefined ? AF_UNSPEC : familyNumber(family);

/** Returns AF_INET or AF_INET6 by the size of an address. */
export const familyOfSize = (size: number): number => (size === 16 ? AF_INET6 : AF_INET);

export function familyWord(number: number, payload: Payload, what: string): Family {
  if (number === AF_INET) {
    return 'ipv4';
  }
  if (number === AF_INET6) {
    return 'ipv6';
  }
  throw new NetlinkDecodeError('BAD_VALUE', what, payload.start, `address family ${number}`);
}

/** Returns the position where the address ends in `10.0.0.0/24`. Errors name the prefix as `what`. */
export function addressEnd(prefix: string, what: string): number {
  if (typeof prefix !== 'string') {
    throw new NetlinkEncodeError('BAD_ADDRESS', `${what} ${JSON.stringify(prefix)} is not an IP address`);
  }
  const slash = prefix.indexOf('/');
  return slash < 0 ? prefix.length : slash;
}

/** Returns the prefix length in `text`, whose address ends at `end` and has `size` bytes. */
export function lengthOf(text: string, end: number, size: number, what: string): number {
  if (end === text.length) {
    return size * 8;
  }
  const length = prefixLength(text, end + 1);
  if (length < 0 || length > size * 8) {
    throw new NetlinkEncodeError('BAD_ADDRESS', `${what} ${JSON.stringify(text)} is not a prefix`);
  }
  return length;
}

/** Returns the decimal number of one to three digits that ends `text`, or -1 when there is none at `at`. */
function prefixLength(text: string, at: number): number {
  const digits = text.length - at;
  if (digits < 1 || digits > 3 || (digits > 1 && text.charCodeAt(at) === 0x30)) {
    return -1;
  }
  let value = 0;
  for (let i = at; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) {
      return -1;
    }
    value = value * 10 + digit;
  }
  return value;
}
