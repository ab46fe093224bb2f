/** The token bucket filter, tc-tbf(8), which limits a link to a rate with bursts. */
import { readU32 } from '../codec/bytes.ts';
import type { Encoder } from '../codec/encoder.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import type { AttributeReader } from '../codec/reader.ts';

const TCA_TBF_PARMS = 1;
const TCA_TBF_RATE64 = 4;
const TCA_TBF_PRATE64 = 5;
const TCA_TBF_BURST = 6;
const TCA_TBF_PBURST = 7;
/** struct tc_tbf_qopt: two struct tc_ratespec of 12 bytes, then limit, buffer, mtu. */
const QOPT_SIZE = 36;
const TC_LINKLAYER_ETHERNET = 1;
/** The unit of `buffer` and `mtu` in struct tc_tbf_qopt (PSCHED_SHIFT 6). */
const TICK_NS = 64;
/** The limit and bursts have 32 bits. */
const MAX_LIMIT = 0xffffffff;

/** A token bucket, tc-tbf(8). */
export interface TbfOptions {
  /** Bytes per second. */
  rate: number;
  /** Bytes of a burst; at least the MTU. */
  burst: number;
  /**
   * Duration of the burst at the rate, in units of 64 ns, as the kernel stores it. When set, it is sent instead of
   * `burst`.
   */
  buffer?: number;
  /** Bytes that may wait; an alternative to `latency`. */
  limit?: number;
  /** Milliseconds that a packet may wait. */
  latency?: number;
  /** Bytes per second that bursts are limited to, with `peakBurst`, the MTU or a little more. */
  peakRate?: number;
  peakBurst?: number;
}

export function writeTbf(encoder: Encoder, options: TbfOptions): void {
  const { rate, burst, peakRate = 0, peakBurst = 0 } = options;
  if (!(rate >= 1) || !(burst >= 1)) {
    throw new NetlinkEncodeError(
      'BAD_VALUE',
      `tbf needs a positive rate and burst, got ${rate} and ${burst}`,
    );
  }
  checkBytes('limit', options.limit);
  checkBytes('burst', burst);
  checkBytes('peakBurst', peakBurst);
  checkBytes('buffer', options.buffer);
  const limit = options.limit ?? limitOf(options);
  const parameters = encoder.nest(TCA_TBF_PARMS);
  writeRate(encoder, rate);
  writeRate(encoder, peakRate);
  encoder
    .putU32(limit)
    .putU32(options.buffer ?? ticks(burst, rate))
    .putU32(peakRate > 0 ? ticks(peakBurst, peakRate) : 0);
  encoder.end(parameters);
  if (options.buffer === undefined) {
    encoder.u32(TCA_TBF_BURST, burst);
  }
  if (rate > 0xffffffff) {
    encoder.u64(TCA_TBF_RATE64, Math.floor(rate));
  }
  if (peakRate > 0xffffffff) {
    encoder.u64(TCA_TBF_PRATE64, Math.floor(peakRate));
  }
  if (peakRate > 0) {
    encoder.u32(TCA_TBF_PBURST, peakBurst);
  }
}

function checkBytes(name: keyof TbfOptions, value = 0): void {
  if (!(Number.isInteger(value) && value >= 0 && value <= MAX_LIMIT)) {
    throw new NetlinkEncodeError(
      'BAD_VALUE',
      `tbf ${name} ${value}: expected an integer from 0 to ${MAX_LIMIT}`,
    );
  }
}

function limitOf({ rate, burst, latency }: TbfOptions): number {
  if (latency === undefined) {
    throw new NetlinkEncodeError('BAD_REQUEST', 'tbf needs a limit or a latency');
  }
  const limit = Math.floor((rate * latency) / 1000 + burst);
  if (!(limit >= 0 && limit <= MAX_LIMIT)) {
    throw new NetlinkEncodeError(
      'BAD_VALUE',
      `tbf limit of ${limit} bytes (rate * latency + burst): the kernel keeps at most ${MAX_LIMIT}. Lower the latency or the burst`,
    );
  }
  return limit;
}

const ticks = (bytes: number, rate: number): number =>
  Math.min(0xffffffff, Math.round((bytes / rate) * (1e9 / TICK_NS)));

/** Writes struct tc_ratespec. With a link layer the kernel needs no rate table. */
function writeRate(encoder: Encoder, rate: number): void {
  encoder
    .putU8(0)
    .putU8(rate > 0 ? TC_LINKLAYER_ETHERNET : 0)
    .putZeros(6);
  encoder.putU32(Math.min(0xffffffff, Math.floor(rate)));
}

export function readTbf(reader: AttributeReader): TbfOptions {
  const options: TbfOptions = { rate: 0, burst: 0 };
  while (reader.next()) {
    const little = reader.order === 'little';
    const word = (i: number): number => readU32(reader.bytes, reader.start + i, little);
    if (reader.type === TCA_TBF_PARMS) {
      reader.size(QOPT_SIZE, 'TCA_TBF_PARMS');
      options.rate = word(8);
      if (word(20) !== 0) {
        options.peakRate = word(20);
      }
      options.limit = word(24);
      options.buffer = word(28);
    } else if (reader.type === TCA_TBF_RATE64) {
      options.rate = Number(reader.u64('TCA_TBF_RATE64'));
    } else if (reader.type === TCA_TBF_PRATE64) {
      options.peakRate = Number(reader.u64('TCA_TBF_PRATE64'));
    } else if (reader.type === TCA_TBF_BURST) {
      options.burst = reader.u32('TCA_TBF_BURST');
    }
  }
  // The kernel sends the burst as a duration.
  if (options.burst === 0) {
    options.burst = Math.round(((options.buffer ?? 0) * TICK_NS * options.rate) / 1e9);
  }
  return options;
}
