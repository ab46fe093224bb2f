import { definePlugin } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import type { AttachPlugin } from '../../attachment/feature.ts';
import { openIpam } from '../../ipam/ipam.ts';
import { add } from './add.ts';
import { check } from './check.ts';
import { collectWithSpoofChecks, deleteWithSpoofChecks } from './removal.ts';
import { BRIDGE_ARGS, type BridgeSettings, bridgeSettings, bridgeSettingsForDel } from './settings.ts';

/** The plugin `bridge`: connects the pod to a bridge of the node with a veth pair. The bridge is the pod's gateway. */
export function bridgePlugin(sys: Sys): AttachPlugin<BridgeSettings> {
  const plugin = definePlugin<BridgeSettings>({
    about: 'cnikit bridge: bridge, host-local addresses and routes for a pod, in one process',
    // CNI_PATH is only for delegated IPAM plugins; host-local is built in.
    optionalEnv: ['CNI_PATH'],
    canonicalResults: true,
    args: [...BRIDGE_ARGS, 'IP'],
    config: bridgeSettings,
    configForDel: bridgeSettingsForDel,
    add: (context) => add(sys, context),
    del: (context) => deleteWithSpoofChecks(sys, context),
    check: (context) => check(sys, context),
    gc: (context) => collectWithSpoofChecks(sys, context, context.conf.bridge || undefined),
    status: (context) => openIpam(sys, context)?.status(),
  });
  return {
    ...plugin,
    addWithFeatures: (context, parts) => add(sys, context, parts),
    delWithFeatures: (context, parts) => deleteWithSpoofChecks(sys, context, parts),
  };
}
