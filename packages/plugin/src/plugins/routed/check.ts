import type { Context } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import type { BridgeSettings } from '../bridge/settings.ts';
import { checkPair } from '../ptp/check.ts';
import { filtersStrictly, mayUseForeignSources } from './foreign-sources.ts';
import { sourceGuardDifferences } from './source-guard.ts';

/**
 * Runs CHECK: {@link checkPair}, the guard against foreign source addresses, and that a pod that may send them can. The
 * pod keeps what ADD has given it: the annotation and the list of namespaces may have changed since.
 */
export function checkRouted(sys: Sys, context: Context<BridgeSettings>): void {
  checkPair(sys, context, (host, link) => [
    ...sourceGuardDifferences(sys, link),
    ...(mayUseForeignSources(link) && filtersStrictly(sys, host, link)
      ? [`rp_filter of ${link.name} is strict, which drops the pod’s packets with other source addresses`]
      : []),
  ]);
}
