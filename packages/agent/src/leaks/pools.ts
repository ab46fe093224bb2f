/** Reports the use of this node's podCIDRs. */
import { Ipam, IpamError } from '@cnikit/ipam';
import { fileStore } from '@cnikit/ipam/file-store';
import { sys } from '@cnikit/sys';
import { type Problem, problem } from '../core/problem.ts';
import { reservationsDir } from './node-leaks.ts';

/** Use of one podCIDR, in addresses. */
export interface PoolUse {
  range: string;
  used: number;
  free: number;
}

/**
 * Returns none while the reservations cannot be read, which the looks for leaks and lost pods report, and where a podCIDR is
 * too small for pods.
 */
export function poolsOf(stateDir: string, podCIDRs: readonly string[]): PoolUse[] {
  if (podCIDRs.length === 0) {
    return [];
  }
  const store = fileStore({ sys, dir: reservationsDir(stateDir) });
  try {
    const ipam = new Ipam({ rangeSets: podCIDRs.map((subnet) => [{ subnet }]), store });
    return ipam.status().sets.map(({ used, free }, i) => ({ range: podCIDRs[i]!, used, free }));
  } catch (error) {
    if (error instanceof IpamError) {
      return [];
    }
    throw error;
  }
}

/** The podCIDRs without a free address. */
export function fullRanges(pools: readonly PoolUse[]): Problem[] {
  return pools
    .filter(({ free }) => free <= 0)
    .map(({ range, used }) =>
      problem(
        'full-range',
        range,
        `All ${used} addresses of ${range} are in use: no more pods can start on this node`,
      ),
    );
}
