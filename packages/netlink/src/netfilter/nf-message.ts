/** What all of nfnetlink shares (linux/netfilter/nfnetlink.h). Numbers in it are in network order. */
import type { ByteOrder } from '../codec/bytes.ts';
import type { Encoder } from '../codec/encoder.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { requestEncoder } from '../codec/request.ts';

export const NFNL_SUBSYS_CTNETLINK = 1;
export const NFNL_SUBSYS_NFTABLES = 10;
/** sizeof(struct nfgenmsg). */
export const NFGENMSG_SIZE = 4;

const protocols = { unspec: 0, inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 } as const;

/** NFPROTO_* by the word that `nft` has for it; `inet` is both IP versions. */
export type NfFamily = keyof typeof protocols;

export function nfFamilyNumber(family: NfFamily): number {
  if (!Object.hasOwn(protocols, family)) {
    throw new NetlinkEncodeError('BAD_REQUEST', `No netfilter family ${String(family)}`);
  }
  return protocols[family];
}

/** The word of a number; `unspec` for one without. */
export function nfFamilyWord(number: number | undefined): NfFamily {
  for (const [word, value] of Object.entries(protocols)) {
    if (value === number) {
      return word as NfFamily;
    }
  }
  return 'unspec';
}

/** An encoder with struct nfgenmsg in it. */
export function nfHeader(family: NfFamily, order: ByteOrder, resource = 0): Encoder {
  return requestEncoder(order).putU8(nfFamilyNumber(family)).putU8(0).putBe16(resource);
}
