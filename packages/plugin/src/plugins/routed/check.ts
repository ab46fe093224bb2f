import type { Context } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import type { BridgeSettings } from '../bridge/settings.ts';
import { checkPair } from '../ptp/check.ts';
import { sourceGuardDifferences } from './source-guard.ts';

/** Runs CHECK: {@link checkPair}, and the guard against foreign source addresses. */
export function checkRouted(sys: Sys, context: Context<BridgeSettings>): void {
  checkPair(sys, context, () => sourceGuardDifferences(sys));
}
