import { type Context, definePlugin, type Plugin, type Result } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { hostLocal } from '../../ipam/host-local.ts';
import type { NetworkSettings } from '../../ipam/pod-ipam.ts';

/**
 * `host-local`: the IPAM plugin that is built into the others, for plugins that run it by exec. It reads and
 * writes the reference's reservations, so the two may serve one network side by side.
 */
export function hostLocalPlugin(sys: Sys): Plugin<NetworkSettings> {
  return definePlugin<NetworkSettings>({
    about: 'cnikit host-local: addresses from ranges of this node',
    optionalEnv: ['CNI_PATH'],
    config: (raw) => ({ network: raw.name, raw, knownArgs: [] }),
    add: (context) => add(sys, context),
    del: (context) => hostLocal(sys, context).del(),
    // Whatever addresses it holds, as the reference asks.
    check: (context) => hostLocal(sys, context).check([]),
    gc: (context) => hostLocal(sys, context).gc(),
    status: (context) => hostLocal(sys, context).status(),
  });
}

function add(sys: Sys, context: Context<NetworkSettings>): Result {
  const { ips, routes, dns } = hostLocal(sys, context).add();
  return { ips: [...ips], routes: [...routes], ...(dns === undefined ? {} : { dns }) };
}
