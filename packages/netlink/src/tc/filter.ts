/** Filters of qdiscs: RTM_NEWTFILTER, RTM_DELTFILTER, RTM_GETTFILTER. */
import { checkSpec } from '#check-spec';
import { NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL } from '../codec/ack.ts';
import { type ByteOrder, type Payload, readI32, readU32 } from '../codec/bytes.ts';
import { type Encoder, NLA_F_NESTED } from '../codec/encoder.ts';
import { attributesAfter } from '../codec/message.ts';
import type { AttributeReader, UnknownAttribute } from '../codec/reader.ts';
import type { Request } from '../codec/request.ts';
import { keepUnknown } from '../codec/table.ts';
import { RTM_DELTFILTER, RTM_GETTFILTER, RTM_NEWTFILTER } from '../route/constants.ts';
import * as tc from './tc-message.ts';

const TCA_U32_SEL = 5;
const TCA_U32_ACT = 7;
const TCA_MATCHALL_ACT = 2;
const TCA_ACT_KIND = 1;
const TCA_ACT_OPTIONS = 2;
const TCA_MIRRED_PARMS = 2;
const TC_ACT_STOLEN = 4;
const TCA_EGRESS_REDIR = 1;
const TC_U32_TERMINAL = 1;

/** A filter that takes every packet and sends it out by another link: how incoming packets get to an ifb to be shaped. */
export interface FilterSpec {
  /** Index of the link. */
  index: number;
  /** Index of the link that the packets go to. */
  redirect: number;
  /** Default TC_H_INGRESS_QDISC. */
  parent?: number;
  /** The lowest goes first; the kernel chooses when absent. */
  priority?: number;
  /** EtherType; default ETH_P_ALL. */
  protocol?: number;
  /** `u32` (the default) or `matchall`, which not every kernel has. */
  kind?: 'u32' | 'matchall';
}

/** RTM_NEWTFILTER, `tc filter add … u32 match u32 0 0 action mirred egress redirect`. */
export function newFilter(spec: FilterSpec, order: ByteOrder = 'little'): Request {
  checkSpec('filter', spec);
  const { index, redirect, kind = 'u32' } = spec;
  const encoder = tc.tcHeader(place(spec), order);
  encoder.string(tc.TCA_KIND, kind);
  const options = encoder.nest(tc.TCA_OPTIONS);
  writeRedirect(encoder, kind === 'u32' ? TCA_U32_ACT : TCA_MATCHALL_ACT, redirect);
  if (kind === 'u32') {
    // struct tc_u32_sel with one struct tc_u32_key whose mask is 0: it matches anything.
    const selector = encoder.nest(TCA_U32_SEL);
    encoder
      .putU8(TC_U32_TERMINAL)
      .putU8(0)
      .putU8(1)
      .putZeros(13 + 16)
      .end(selector);
  }
  encoder.end(options);
  return {
    type: RTM_NEWTFILTER,
    flags: NLM_F_CREATE | NLM_F_EXCL,
    payload: encoder.finish(),
    describe: `new filter of link #${index} to link #${redirect}`,
  };
}

type FilterPlace = Pick<FilterSpec, 'index' | 'parent' | 'priority' | 'protocol'>;

function place({ index, parent, priority = 0, protocol = tc.ETH_P_ALL }: FilterPlace): tc.TcHeader {
  const networkOrder = ((protocol & 0xff) << 8) | (protocol >>> 8);
  return { index, parent: parent ?? tc.TC_H_INGRESS_QDISC, info: ((priority << 16) | networkOrder) >>> 0 };
}

/** One action, number 1 of its list: struct tc_mirred. */
function writeRedirect(encoder: Encoder, type: number, redirect: number): void {
  const actions = encoder.nest(type);
  const action = encoder.nest(1);
  encoder.string(TCA_ACT_KIND, 'mirred');
  const options = encoder.nest(TCA_ACT_OPTIONS | NLA_F_NESTED);
  const parameters = encoder.nest(TCA_MIRRED_PARMS);
  encoder.putZeros(8).putI32(TC_ACT_STOLEN).putZeros(8).putI32(TCA_EGRESS_REDIR).putU32(redirect);
  encoder.end(parameters).end(options).end(action).end(actions);
}

/** RTM_DELTFILTER, `tc filter del`: all of a parent, or those of a priority. */
export function delFilter(spec: FilterPlace, order: ByteOrder = 'little'): Request {
  checkSpec('filter to delete', spec);
  const header = spec.priority === undefined ? { ...place(spec), info: 0 } : place(spec);
  const payload = tc.tcHeader(header, order).finish();
  return { type: RTM_DELTFILTER, flags: 0, payload, describe: `delete filters of link #${spec.index}` };
}

/** RTM_GETTFILTER, `tc filter show`. */
export function getFilters(filter: { index: number; parent?: number }, order: ByteOrder = 'little'): Request {
  checkSpec('filter of filters', filter);
  const { index, parent = tc.TC_H_INGRESS_QDISC } = filter;
  const payload = tc.tcHeader({ index, parent }, order).finish();
  return { type: RTM_GETTFILTER, flags: NLM_F_DUMP, payload, describe: `dump filters of link #${index}` };
}

/** A filter as the kernel describes it. */
export interface Filter {
  index: number;
  handle: number;
  parent: number;
  priority: number;
  /** EtherType. */
  protocol: number;
  kind: string;
  /** Index of the link that its action sends packets to. */
  redirect?: number;
  unknown?: UnknownAttribute[];
}

/**
 * Decodes the body of an RTM_NEWTFILTER or RTM_DELTFILTER.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeFilter(payload: Payload): Filter {
  const reader = attributesAfter(payload, tc.TCMSG_SIZE, 'tcmsg');
  const { bytes, start, order } = payload;
  const little = order === 'little';
  const info = readU32(bytes, start + 16, little);
  const filter: Filter = {
    index: readI32(bytes, start + 4, little),
    handle: readU32(bytes, start + 8, little),
    parent: readU32(bytes, start + 12, little),
    priority: info >>> 16,
    protocol: ((info & 0xff) << 8) | ((info >>> 8) & 0xff),
    kind: '',
  };
  while (reader.next()) {
    if (reader.type === tc.TCA_KIND) {
      filter.kind = reader.string();
    } else if (reader.type === tc.TCA_OPTIONS && (filter.kind === 'u32' || filter.kind === 'matchall')) {
      readOptions(reader.attributes('TCA_OPTIONS'), filter);
    } else {
      keepUnknown(filter, reader);
    }
  }
  return filter;
}

function readOptions(reader: AttributeReader, filter: Filter): void {
  const type = filter.kind === 'u32' ? TCA_U32_ACT : TCA_MATCHALL_ACT;
  while (reader.next()) {
    if (reader.type !== type) {
      continue;
    }
    const actions = reader.attributes('TCA_ACT_TAB');
    while (actions.next()) {
      readAction(actions.attributes('TCA_ACT'), filter);
    }
  }
}

function readAction(reader: AttributeReader, filter: Filter): void {
  let kind = '';
  while (reader.next()) {
    if (reader.type === TCA_ACT_KIND) {
      kind = reader.string();
    } else if (reader.type === TCA_ACT_OPTIONS && kind === 'mirred') {
      const options = reader.attributes('TCA_ACT_OPTIONS');
      while (options.next()) {
        if (options.type !== TCA_MIRRED_PARMS) {
          continue;
        }
        options.size(28, 'TCA_MIRRED_PARMS');
        filter.redirect = readU32(options.bytes, options.start + 24, options.order === 'little');
      }
    }
  }
}
