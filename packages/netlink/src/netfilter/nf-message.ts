/** The header of nfnetlink messages (linux/netfilter/nfnetlink.h). Their numbers are in network byte order. */
import type { ByteOrder } from '../codec/bytes.ts';
import type { Encoder } from '../codec/encoder.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { requestEncoder } from '../codec/request.ts';

export const NFNL_SUBSYS_CTNETLINK = 1;
export const NFNL_SUBSYS_NFTABLES = 10;
/** sizeof(struct nfgenmsg). */
export const NFGENMSG_SIZE = 4;

const protocols = { unspec: 0, inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 } as const;

/** NFPROTO_*, by the names of `nft`; `inet` is IPv4 and IPv6. */
export type NfFamily = keyof typeof protocols;

export function nfFamilyNumber(family: NfFamily): number {
  const number = protocols[family];
  // An inherited property such as `constructor` is not a number.
  if (typeof number !== 'number') {
    throw new NetlinkEncodeError('BAD_REQUEST', `Unknown netfilter family ${String(family)}`);
  }
  return number;
}

/** Names by number. */
const words: (NfFamily | undefined)[] = Array.from({ length: protocols.ip6 + 1 }, (_, number) =>
  (Object.keys(protocols) as NfFamily[]).find((word) => protocols[word] === number),
);

/** Returns the name of an NFPROTO_* number, `unspec` for any other. */
export function nfFamilyWord(number: number | undefined): NfFamily {
  return words[number ?? 0] ?? 'unspec';
}

/** Returns an encoder that contains struct nfgenmsg. */
export function nfHeader(family: NfFamily, order: ByteOrder, resource = 0): Encoder {
  // Family, version 0 and resource. Resources are small.
  return requestEncoder(order).putBe32((nfFamilyNumber(family) << 24) | resource);
}
