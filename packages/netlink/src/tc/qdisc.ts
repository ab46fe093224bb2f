/** Queueing disciplines: RTM_NEWQDISC, RTM_DELQDISC, RTM_GETQDISC. */
import { checkSpec } from '#check-spec';
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_ECHO, NLM_F_EXCL, NLM_F_REPLACE } from '../codec/ack.ts';
import { type ByteOrder, type Payload, readI32, readU32 } from '../codec/bytes.ts';
import { attributesAfter } from '../codec/message.ts';
import type { UnknownAttribute } from '../codec/reader.ts';
import type { Request } from '../codec/request.ts';
import { keepUnknown } from '../codec/table.ts';
import { RTM_DELQDISC, RTM_GETQDISC, RTM_NEWQDISC } from '../route/constants.ts';
import { readTbf, type TbfOptions, writeTbf } from './tbf.ts';
import * as tc from './tc-message.ts';

interface QdiscCommon {
  /** Index of the link. */
  index: number;
  /** Major number in the upper half; the kernel chooses when absent. */
  handle?: number;
  /** Default: TC_H_ROOT, or TC_H_INGRESS for the kinds of that name. */
  parent?: number;
  /**
   * When a qdisc exists, `create` fails with EEXIST; `replace` replaces or changes it.
   *
   * @default 'create'
   */
  mode?: 'create' | 'replace';
}

/** A queueing discipline: `tbf` with its options; `ingress` and `clsact`, which only carry filters; others with default settings. */
export type QdiscSpec = QdiscCommon &
  (({ kind: 'tbf' } & TbfOptions) | { kind: 'ingress' | 'clsact' | 'fq_codel' | 'pfifo_fast' | 'noqueue' });

/** RTM_NEWQDISC, `tc qdisc add` or `replace`. ENOENT or EOPNOTSUPP when the kernel lacks the kind. */
export function newQdisc(spec: QdiscSpec, order: ByteOrder = 'little'): Request {
  const encoder = tc.tcHeader(place(spec), order);
  encoder.string(tc.TCA_KIND, spec.kind);
  if (spec.kind === 'tbf') {
    checkSpec('tbf qdisc', spec);
    const options = encoder.nest(tc.TCA_OPTIONS);
    writeTbf(encoder, spec);
    encoder.end(options);
  } else {
    checkSpec('qdisc', spec);
  }
  const flags = NLM_F_CREATE | (spec.mode === 'replace' ? NLM_F_REPLACE : NLM_F_EXCL);
  const describe = `new qdisc ${spec.kind} on link #${spec.index}`;
  return { type: RTM_NEWQDISC, flags, payload: encoder.finish(), describe };
}

function place({ index, handle, parent, kind }: QdiscCommon & { kind?: string }): tc.TcHeader {
  const ingress = kind === 'ingress' || kind === 'clsact';
  return {
    index,
    handle: handle ?? (ingress ? tc.TC_H_INGRESS_QDISC : 0),
    parent: parent ?? (ingress ? tc.TC_H_INGRESS : tc.TC_H_ROOT),
  };
}

/** RTM_DELQDISC, `tc qdisc del`; with its filters. ENOENT or EINVAL when it does not exist. */
export function delQdisc(
  spec: { index: number; kind?: string; parent?: number; handle?: number },
  order: ByteOrder = 'little',
): Request {
  checkSpec('qdisc to delete', spec);
  const encoder = tc.tcHeader(place(spec), order);
  if (spec.kind !== undefined) {
    encoder.string(tc.TCA_KIND, spec.kind);
  }
  const describe = `delete qdisc ${spec.kind ?? ''} of link #${spec.index}`;
  return { type: RTM_DELQDISC, flags: 0, payload: encoder.finish(), describe };
}

/** RTM_GETQDISC, `tc qdisc show`. */
export function getQdiscs(filter: { index?: number } = {}, order: ByteOrder = 'little'): Request {
  checkSpec('filter of qdiscs', filter);
  const payload = tc.tcHeader({ index: filter.index ?? 0 }, order).finish();
  return { type: RTM_GETQDISC, flags: NLM_F_DUMP, payload, describe: 'dump qdiscs' };
}

/**
 * RTM_GETQDISC of a link's root. ENOENT or EINVAL when it has none, or, before Linux 6.8, only the built-in `noqueue`.
 * These kernels answer only with NLM_F_ECHO.
 */
export function getRootQdisc(index: number, order: ByteOrder = 'little'): Request {
  const payload = tc.tcHeader({ index, parent: tc.TC_H_ROOT }, order).finish();
  return { type: RTM_GETQDISC, flags: NLM_F_ECHO, payload, describe: `get the root qdisc of link #${index}` };
}

/** A queueing discipline as the kernel describes it. */
export interface Qdisc {
  index: number;
  handle: number;
  parent: number;
  kind: string;
  tbf?: TbfOptions;
  unknown?: UnknownAttribute[];
}

/**
 * Decodes the body of an RTM_NEWQDISC or RTM_DELQDISC.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeQdisc(payload: Payload): Qdisc {
  const reader = attributesAfter(payload, tc.TCMSG_SIZE, 'tcmsg');
  const { bytes, start, order } = payload;
  const little = order === 'little';
  const qdisc: Qdisc = {
    index: readI32(bytes, start + 4, little),
    handle: readU32(bytes, start + 8, little),
    parent: readU32(bytes, start + 12, little),
    kind: '',
  };
  while (reader.next()) {
    if (reader.type === tc.TCA_KIND) {
      qdisc.kind = reader.string();
    } else if (reader.type === tc.TCA_OPTIONS && qdisc.kind === 'tbf') {
      qdisc.tbf = readTbf(reader.attributes('TCA_OPTIONS'));
    } else {
      keepUnknown(qdisc, reader);
    }
  }
  return qdisc;
}
