/** Rates and bursts as upstream computes them, so that each plugin's CHECK accepts the other's token buckets. */
import { CniError, ErrorCode } from '@cnikit/cni-spec';
import type { TbfOptions } from '@cnikit/netlink';

const LATENCY_US = 25_000;
const US_PER_SECOND = 1_000_000;
/** The kernel's unit is 64 ns. */
const TICKS_PER_US = 15.625;
const UINT32_MAX = 0xffffffff;

/** Parameters of a token bucket filter. */
export type TokenBucket = Required<Pick<TbfOptions, 'rate' | 'burst' | 'buffer' | 'limit'>>;

/**
 * Computes the token bucket for a rate and a burst. Returns undefined when both are 0, which means no limit.
 *
 * As upstream, larger values are truncated to 32 bits: runtimes pass bursts of 2^32 - 1 and more for no limit.
 *
 * @param direction for the messages: `ingress` or `egress`
 * @param rate in bits per second
 * @param burst in bits
 * @throws {CniError} 7 with upstream's message, when rate and burst do not fit together
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
