import { type CheckedConfig, CniError, ErrorCode, normaliseKeys } from '@cnikit/cni-spec';
import { explain } from '../../explain.ts';
import { bandwidthConfKeys, isBandwidthConf } from '../../guards.ts';
import type { BandwidthConf } from './schema.ts';
import { type TokenBucket, tokenBucket } from './token-bucket.ts';

/** The network configuration, whose limits are read when they are needed. */
export interface BandwidthSettings {
  /** The network's name. */
  network: string;
  raw: CheckedConfig;
}

/** How fast a pod may be; a direction that is absent has no limit. */
export interface Limits {
  /** What the pod may receive. */
  ingress?: TokenBucket;
  /** What the pod may send. */
  egress?: TokenBucket;
}

/**
 * The limits of a network configuration. If it has any of the four fields, the runtime's capability is passed over, be
 * the field 0.
 *
 * @returns undefined when there is no limit
 * @throws CniError 7 naming the field and what it should be
 */
export function limitsOf(raw: CheckedConfig): Limits | undefined {
  const own = checked(raw, 'Invalid bandwidth configuration');
  const given = saysSomething(own)
    ? own
    : checked(raw.runtimeConfig?.bandwidth ?? {}, 'Invalid runtimeConfig.bandwidth');
  const ingress = tokenBucket('ingress', given.ingressRate ?? 0, given.ingressBurst ?? 0);
  const egress = tokenBucket('egress', given.egressRate ?? 0, given.egressBurst ?? 0);
  if (ingress === undefined && egress === undefined) {
    return undefined;
  }
  return { ...(ingress === undefined ? {} : { ingress }), ...(egress === undefined ? {} : { egress }) };
}

/** Whether there may be limits now, or may have been when the pod was added. */
export function asksForLimits(raw: CheckedConfig): boolean {
  return (
    raw.runtimeConfig?.bandwidth !== undefined ||
    raw.capabilities?.bandwidth === true ||
    saysSomething(normaliseKeys(raw, bandwidthConfKeys) as BandwidthConf)
  );
}

function checked(value: unknown, msg: string): BandwidthConf {
  const conf = normaliseKeys(value, bandwidthConfKeys);
  if (isBandwidthConf(conf)) {
    return conf;
  }
  throw new CniError(ErrorCode.InvalidNetworkConfig, msg, explain('bandwidthConf', conf));
}

function saysSomething(conf: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(bandwidthConfKeys).some((key) => conf[key] !== undefined);
}
