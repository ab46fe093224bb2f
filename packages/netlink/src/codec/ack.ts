import { type Payload, readI32, readU32 } from './bytes.ts';
import { NetlinkDecodeError } from './errors.ts';
import { AttributeReader } from './reader.ts';

/** Control messages, below NLMSG_MIN_TYPE (linux/netlink.h). */
export const NLMSG_NOOP = 1;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_OVERRUN = 4;
export const NLMSG_MIN_TYPE = 16;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
export const NLM_F_ACK = 0x4;
export const NLM_F_ECHO = 0x8;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP_FILTERED = 0x20;
/** For GET requests. */
export const NLM_F_ROOT = 0x100;
export const NLM_F_MATCH = 0x200;
export const NLM_F_DUMP = 0x300;
/** For NEW requests. */
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;
/** For DELETE requests. */
export const NLM_F_NONREC = 0x100;
export const NLM_F_BULK = 0x200;
/** In an acknowledgement: it contains only the request's header. */
export const NLM_F_CAPPED = 0x100;
/** In an acknowledgement: attributes follow. */
export const NLM_F_ACK_TLVS = 0x200;

/** The values that the kernel accepts for the refused attribute (enum netlink_policy_type_attr). */
export interface AttributePolicy {
  /** NL_ATTR_TYPE_*: 4 is u32, 10 a string, 12 a nest, … */
  type?: number;
  min?: number | bigint;
  max?: number | bigint;
  /** Bytes. */
  minLength?: number;
  maxLength?: number;
  /** Bits that may be set. */
  mask?: number | bigint;
}

/** Extended acknowledgement: the kernel's explanation of an errno (enum nlmsgerr_attrs). */
export interface ExtendedAck {
  /** The kernel's message, in English. */
  message?: string;
  /** Position of the refused attribute, in bytes from the start of the request's header. */
  offset?: number;
  policy?: AttributePolicy;
  /** Type of an attribute that is missing in the message, or in the nest at `missingNest`. */
  missingType?: number;
  /** Offset of that nest. */
  missingNest?: number;
  /** Some families send it on success. */
  cookie?: Uint8Array;
}

/** `struct nlmsgerr`: an acknowledgement when `errno` is 0, else a refusal. */
export interface Ack {
  /** Positive. */
  errno: number;
  extack?: ExtendedAck;
}

/** Decodes the body of an NLMSG_ERROR; `flags` are its header's. */
export function decodeAck(payload: Payload, flags: number): Ack {
  const { bytes, start, end, order } = payload;
  const little = order === 'little';
  if (end - start < 4) {
    throw new NetlinkDecodeError('TRUNCATED', 'nlmsgerr', start, `${end - start} bytes`);
  }
  const errno = -readI32(bytes, start, little) | 0;
  if ((flags & NLM_F_ACK_TLVS) === 0) {
    return { errno };
  }
  if (end - start < 20) {
    throw new NetlinkDecodeError('TRUNCATED', 'nlmsgerr', start, `${end - start} bytes`);
  }
  // The request comes back whole unless it was capped; success always caps it.
  const echoed = readU32(bytes, start + 4, little);
  const capped = (flags & NLM_F_CAPPED) !== 0 || errno === 0;
  const attributes = start + 4 + (capped ? 16 : (Math.max(echoed, 16) + 3) & ~3);
  if (attributes > end) {
    throw new NetlinkDecodeError(
      'BAD_LENGTH',
      'nlmsgerr',
      start + 4,
      `request of ${echoed} bytes does not fit`,
    );
  }
  const extack = decodeExtendedAck(new AttributeReader(bytes, attributes, end, order, 'nlmsgerr'));
  return extack === undefined ? { errno } : { errno, extack };
}

/** Decodes the body of an NLMSG_DONE: a dump can fail at its end. Attributes follow the number directly. */
export function decodeDone(payload: Payload, flags: number): Ack {
  const { bytes, start, end, order } = payload;
  if (end - start < 4) {
    return { errno: 0 };
  }
  const errno = -readI32(bytes, start, order === 'little') | 0;
  if ((flags & NLM_F_ACK_TLVS) === 0) {
    return { errno: Math.max(errno, 0) };
  }
  const extack = decodeExtendedAck(new AttributeReader(bytes, start + 4, end, order, 'NLMSG_DONE'));
  // A positive number is a count in some families, not a failure.
  return { errno: Math.max(errno, 0), extack };
}

function decodeExtendedAck(reader: AttributeReader): ExtendedAck | undefined {
  const extack: ExtendedAck = {};
  let some = false;
  while (reader.next()) {
    some = true;
    switch (reader.type) {
      case 1:
        extack.message = reader.string();
        break;
      case 2:
        extack.offset = reader.u32('NLMSGERR_ATTR_OFFS');
        break;
      case 3:
        extack.cookie = reader.raw();
        break;
      case 4:
        extack.policy = decodePolicy(reader.attributes('NLMSGERR_ATTR_POLICY'));
        break;
      case 5:
        extack.missingType = reader.u32('NLMSGERR_ATTR_MISS_TYPE');
        break;
      case 6:
        extack.missingNest = reader.u32('NLMSGERR_ATTR_MISS_NEST');
        break;
    }
  }
  return some ? extack : undefined;
}

function decodePolicy(reader: AttributeReader): AttributePolicy {
  const policy: AttributePolicy = {};
  while (reader.next()) {
    switch (reader.type) {
      case 1:
        policy.type = reader.u32('NL_POLICY_TYPE_ATTR_TYPE');
        break;
      case 2:
      case 4:
        policy.min = signedWhen(reader.type === 2, reader.u64('NL_POLICY_TYPE_ATTR_MIN_VALUE'));
        break;
      case 3:
      case 5:
        policy.max = signedWhen(reader.type === 3, reader.u64('NL_POLICY_TYPE_ATTR_MAX_VALUE'));
        break;
      case 6:
        policy.minLength = reader.u32('NL_POLICY_TYPE_ATTR_MIN_LENGTH');
        break;
      case 7:
        policy.maxLength = reader.u32('NL_POLICY_TYPE_ATTR_MAX_LENGTH');
        break;
      case 12:
        policy.mask = reader.u64('NL_POLICY_TYPE_ATTR_MASK');
        break;
    }
  }
  return policy;
}

function signedWhen(signed: boolean, value: number | bigint): number | bigint {
  if (!signed || typeof value === 'number') {
    return value;
  }
  const negative = BigInt.asIntN(64, value);
  return negative >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(negative) : negative;
}
