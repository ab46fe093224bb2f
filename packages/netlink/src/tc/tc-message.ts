/** struct tcmsg and its constants (linux/rtnetlink.h, pkt_sched.h), for qdiscs and filters. */
import type { ByteOrder } from '../codec/bytes.ts';
import type { Encoder } from '../codec/encoder.ts';
import { requestEncoder } from '../codec/request.ts';

export const TCA_KIND = 1;
export const TCA_OPTIONS = 2;
/** sizeof(struct tcmsg). */
export const TCMSG_SIZE = 20;

/** Parent of a link's root qdisc, for outgoing packets. */
export const TC_H_ROOT = 0xffffffff;
/** Parent of the ingress and clsact qdiscs. */
export const TC_H_INGRESS = 0xfffffff1;
/** Handle of the ingress qdisc, `ffff:`; parent of the filters for incoming packets. */
export const TC_H_INGRESS_QDISC = 0xffff0000;
/** Parents of a clsact qdisc's filters. */
export const TC_H_CLSACT_INGRESS = 0xfffffff2;
export const TC_H_CLSACT_EGRESS = 0xfffffff3;
/** EtherType that matches all. */
export const ETH_P_ALL = 3;

export interface TcHeader {
  /** Index of the link. */
  index: number;
  handle?: number;
  parent?: number;
  info?: number;
}

export function tcHeader({ index, handle = 0, parent = 0, info = 0 }: TcHeader, order: ByteOrder): Encoder {
  return requestEncoder(order)
    .putU32(0)
    .putI32(index, 'index')
    .putU32(handle, 'handle')
    .putU32(parent, 'parent')
    .putU32(info);
}

/** Returns the text of a handle as `tc` writes it: `8003:1`. */
export const handleText = (handle: number): string =>
  handle === TC_H_ROOT ? 'root' : `${(handle >>> 16).toString(16)}:${(handle & 0xffff).toString(16)}`;
