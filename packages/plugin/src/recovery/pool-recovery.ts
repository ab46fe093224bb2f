import type { Context } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import type { NetworkSettings, PoolRecovery } from '../ipam/pod-ipam.ts';
import { endIfLost } from './lost-attachment.ts';
import { podAddresses } from './pod-addresses.ts';

/**
 * Returns how ADD finds pods that the reservations lack, and reservations without a pod.
 *
 * @param bridge bridge of the network; default: that of the configuration
 */
export function poolRecovery(sys: Sys, context: Context<NetworkSettings>, bridge?: string): PoolRecovery {
  return {
    inUse: () => podAddresses(sys, context, bridge),
    endIfLost: (reservation) => endIfLost(sys, context, reservation),
  };
}
