/** Rates and bursts as the reference computes them, so that either side's CHECK finds what the other made. */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import type { TbfOptions } from '@cnikit/netlink';

const LATENCY_US = 25_000;
const US_PER_SECOND = 1_000_000;
/** The kernel's unit is 64 ns. */
const TICKS_PER_US = 15.625;
const UINT32_MAX = 0xffffffff;

/** A token bucket filter's parameters. */
export type TokenBucket = Required<Pick<TbfOptions, 'rate' | 'burst' | 'buffer' | 'limit'>>;

/**
 * The token bucket of a rate and a burst; undefined when both are 0, which stands for no limit.
 *
 * What does not fit is cut to its low 32 bits as by the reference, since runtimes send bursts of 2^32 - 1 and more
 * where they mean none.
 *
 * @param direction for the messages: `ingress` or `egress`
 * @param rate in bits per second
 * @param burst in bits
 * @throws CniError 7, in the reference's words
 */
export function tokenBucket(direction: string, rate: number, burst: number): TokenBucket | undefined {
  if (rate === 0 && burst === 0) {
    return undefined;
  }
  const given = `${direction}Rate is ${rate} and ${direction}Burst ${burst}`;
  if (burst === 0) {
    throw invalid('if rate is set, burst must also be set', given);
  }
  if (rate === 0) {
    throw invalid('if burst is set, rate must also be set', given);
  }
  if (Math.floor(burst / 8) >= UINT32_MAX) {
    throw invalid('burst cannot be more than 4GB', given);
  }
  if (rate < 8 || burst < 8) {
    throw invalid('rate and burst must be 8 bits at least', given);
  }
  const bytes = { rate: Math.floor(rate / 8), burst: Math.floor(burst / 8) };
  const time = ((bytes.burst * US_PER_SECOND) / bytes.rate) >>> 0;
  return {
    ...bytes,
    buffer: (time * TICKS_PER_US) >>> 0,
    limit: ((bytes.rate * LATENCY_US) / US_PER_SECOND + bytes.burst) >>> 0,
  };
}

function invalid(msg: string, details: string): CniError {
  return new CniError(ErrorCode.InvalidNetworkConfig, msg, details);
}
