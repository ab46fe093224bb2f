import type { Payload } from '../codec/bytes.ts';
import { NetlinkDecodeError, NetlinkEncodeError } from '../codec/errors.ts';
import type { Family } from '../codec/ip.ts';
import { prefixLength } from '../codec/ip.ts';
import { AF_INET, AF_INET6, AF_UNSPEC } from './constants.ts';

export const familyNumber = (family: Family): number => (family === 'ipv6' ? AF_INET6 : AF_INET);

/** For a filter: no family means all of them. */
export const familyFilter = (family: Family | undefined): number =>
  family === undefined ? AF_UNSPEC : familyNumber(family);

/** AF_INET or AF_INET6 by the size of an address. */
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

/** Where the address ends in `10.0.0.0/24`. */
export function addressEnd(prefix: string): number {
  const slash = prefix.indexOf('/');
  return slash < 0 ? prefix.length : slash;
}

/** The prefix length in `text`, whose address ends at `end` and has `size` bytes. */
export function lengthOf(text: string, end: number, size: number, what: string): number {
  if (end === text.length) {
    return size * 8;
  }
  const length = prefixLength(text, end + 1);
  if (length < 0 || length > size * 8) {
    throw new NetlinkEncodeError('BAD_ADDRESS', `${what} ${JSON.stringify(text)} is no prefix`);
  }
  return length;
}
