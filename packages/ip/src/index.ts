/**
 * IP addresses and prefixes, text to bytes and back. Pure, for any JavaScript engine.
 *
 * ```ts
 * import { aggregate, contains, formatPrefix, parseAddress, parseNetwork } from '@cnikit/ip';
 *
 * const pods = ['10.244.0.0/24', '10.244.1.0/24'].map((text) => parseNetwork(text)!);
 * console.log(contains(pods[0]!, parseAddress('10.244.0.7')!)); // true
 * console.log(aggregate(pods).map(formatPrefix).join()); // 10.244.0.0/23
 * ```
 *
 * @module
 */

export { formatAddress, writeAddress, writePrefix } from '#text';
export {
  type AddressBytes,
  compareAddresses,
  type Family,
  families,
  familyOf,
  isMapped,
  parseAddress,
  unmap,
} from './address.ts';
export {
  addressAt,
  aggregate,
  contains,
  formatPrefix,
  lastAddress,
  network,
  overlaps,
  type Prefix,
  type PrefixRules,
  parseNetwork,
  parsePrefix,
} from './prefix.ts';
