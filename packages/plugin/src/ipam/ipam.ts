import type { Context } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { delegatedIpam } from './delegated-ipam.ts';
import { hostLocal } from './host-local.ts';
import type { NetworkSettings, PodIpam, PoolRecovery } from './pod-ipam.ts';

/**
 * Opens the IPAM plugin of a configuration: the built-in host-local, or any other by exec.
 *
 * @param recovery finds lost reservations and lost pods of host-local; for ADD
 * @returns undefined when the configuration has no IPAM
 * @throws {CniError} 4 or 7 when host-local cannot use the configuration
 * @throws {IpamError} when host-local cannot use the configuration
 */
export function openIpam(
  sys: Sys,
  context: Context<NetworkSettings>,
  recovery?: PoolRecovery,
): PodIpam | undefined {
  const type = context.conf.raw.ipam?.type;
  if (!type) {
    return undefined;
  }
  return type === 'host-local' ? hostLocal(sys, context, recovery) : delegatedIpam(sys, context, type);
}
