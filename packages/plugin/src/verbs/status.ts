import { CniError, type Context, ErrorCode } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { openPool } from '../capabilities/pool.ts';
import type { BridgeSettings } from '../config.ts';

/** STATUS: an ADD could not be served while a range has no free address. Changes nothing. */
export function status(sys: Sys, { conf }: Context<BridgeSettings>): void {
  const pool = openPool(sys, conf);
  if (pool === undefined) return;
  const full = pool.ipam.status().sets.find((set) => set.free === 0);
  if (full !== undefined) {
    throw new CniError(
      ErrorCode.PluginNotAvailable,
      `No free address in ${full.ranges}`,
      'Delete pods of this node, or give the network more ranges',
    );
  }
}
