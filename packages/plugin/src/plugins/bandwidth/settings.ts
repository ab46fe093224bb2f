import { type CheckedConfig, CniError, ErrorCode, type KeyTable, normaliseKeys } from '@cnikit/cni-spec';
import { explain } from '../../explain.ts';
import { bandwidthConfKeys, isBandwidthConf } from '../../guards.ts';
import type { BandwidthConf } from './schema.ts';
import { type TokenBucket, tokenBucket } from './token-bucket.ts';

/** Keys of the configuration that ask for limits. */
export const BANDWIDTH_KEYS: KeyTable = { ...bandwidthConfKeys, runtimeConfig: null, capabilities: null };

/** The network configuration. Verbs read its limits when they need them. */
export interface BandwidthSettings {
  /** Name of the network. */
  network: string;
  raw: CheckedConfig;
}

/** The limits of a pod; an absent direction has no limit. */
export interface Limits {
  /** Limit for packets to the pod. */
  ingress?: TokenBucket;
  /** Limit for packets from the pod. */
  egress?: TokenBucket;
}

/**
 * Reads the limits of a network configuration. The runtime's capability is ignored when the configuration has any of the
 * four fields, even with the value 0.
 *
 * @returns undefined when there is no limit
 * @throws {CniError} 7 naming the field and the expected value
 */
export function limitsOf(raw: CheckedConfig): Limits | undefined {
  if (!known.has(raw)) {
    known.set(raw, readLimits(raw));
  }
  return known.get(raw);
}

/** Valid limits by configuration: several steps of a verb need them. */
const known = new WeakMap<CheckedConfig, Limits | undefined>();

function readLimits(raw: CheckedConfig): Limits | undefined {
  const own = checked(raw, 'Invalid bandwidth configuration');
  const given = saysSomething(own)
    ? own
    : checked(raw.runtimeConfig?.bandwidth ?? {}, 'Invalid runtimeConfig.bandwidth');
  const ingress = tokenBucket('ingress', given.ingressRate ?? 0, given.ingressBurst ?? 0);
  const egress = tokenBucket('egress', given.egressRate ?? 0, given.egressBurst ?? 0);
  if (ingress === undefined && egress === undefined) {
    return undefined;
  }
  return { ingress, egress };
}

/** Returns true when the pod may have limits, or may have had them at ADD. */
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

function saysSomething({ ingressRate, ingressBurst, egressRate, egressBurst }: BandwidthConf): boolean {
  return (
    ingressRate !== undefined ||
    ingressBurst !== undefined ||
    egressRate !== undefined ||
    egressBurst !== undefined
  );
}
