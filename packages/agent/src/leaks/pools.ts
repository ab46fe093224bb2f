/** Reports the use of this node's podCIDRs. */
import { Ipam } from '@cnikit/ipam';
import { fileStore } from '@cnikit/ipam/file-store';
import { sys } from '@cnikit/sys';
import { reservationsDir } from './node-leaks.ts';

export function poolsOf(
  stateDir: string,
  podCIDRs: readonly string[],
): Array<{ range: string; used: number; free: number }> {
  if (podCIDRs.length === 0) {
    return [];
  }
  const store = fileStore({ sys, dir: reservationsDir(stateDir) });
  const ipam = new Ipam({ rangeSets: podCIDRs.map((subnet) => [{ subnet }]), store });
  return ipam.status().sets.map(({ used, free }, i) => ({ range: podCIDRs[i]!, used, free }));
}
