import { type Context, definePlugin, type Plugin, type Result } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { hostLocal } from '../../ipam/host-local.ts';
import type { NetworkSettings } from '../../ipam/pod-ipam.ts';
import { poolRecovery } from '../../recovery/pool-recovery.ts';

/**
 * The plugin `host-local`: the built-in IPAM, for other plugins that execute it. It reads and writes upstream's
 * reservation files, so both can serve one network at the same time.
 */
export function hostLocalPlugin(sys: Sys): Plugin<NetworkSettings> {
  return definePlugin<NetworkSettings>({
    about: 'cnikit host-local: addresses from ranges of this node',
    optionalEnv: ['CNI_PATH'],
    canonicalResults: true,
    config: (raw) => ({ network: raw.name, raw, knownArgs: [] }),
    add: (context) => add(sys, context),
    del: (context) => hostLocal(sys, context).del(),
    // As upstream: any reservation of the attachment is enough.
    check: (context) => hostLocal(sys, context).check([]),
    checkWithoutPrevResult: true,
    gc: (context) => hostLocal(sys, context).gc(),
    status: (context) => hostLocal(sys, context).status(),
  });
}

function add(sys: Sys, context: Context<NetworkSettings>): Result {
  const { ips, routes, dns } = hostLocal(sys, context, poolRecovery(sys, context)).add();
  return { ips: [...ips], routes: [...routes], dns };
}
