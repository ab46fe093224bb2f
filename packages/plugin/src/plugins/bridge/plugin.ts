import { type Context, definePlugin } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { collectAttachments, deleteAttachment } from '../../attachment/attachment-verbs.ts';
import type { AttachPlugin, DelHooks } from '../../attachment/feature.ts';
import { openIpam } from '../../ipam/ipam.ts';
import type { RemovalPart } from '../../nat/shared-transaction.ts';
import { add } from './add.ts';
import { check } from './check.ts';
import { BRIDGE_ARGS, type BridgeSettings, bridgeSettings, bridgeSettingsForDel } from './settings.ts';
import { collectSpoofChecks, hasSpoofChecks, uncheckSpoofing } from './spoof-check.ts';

/** The plugin `bridge`: connects the pod to a bridge of the node with a veth pair. The bridge is the pod's gateway. */
export function bridgePlugin(sys: Sys): AttachPlugin<BridgeSettings> {
  const plugin = definePlugin<BridgeSettings>({
    about: 'cnikit bridge: bridge, host-local addresses and routes for a pod, in one process',
    // CNI_PATH is only for delegated IPAM plugins; host-local is built in.
    optionalEnv: ['CNI_PATH'],
    args: [...BRIDGE_ARGS, 'IP'],
    config: bridgeSettings,
    configForDel: bridgeSettingsForDel,
    add: (context) => add(sys, context),
    del: (context) => del(context),
    check: (context) => check(sys, context),
    gc(context) {
      const { conf, validAttachments } = context;
      collectAttachments(sys, context, conf.bridge || undefined, () =>
        collectSpoofChecks(sys, conf.network, validAttachments),
      );
    },
    status: (context) => openIpam(sys, context)?.status(),
  });
  return { ...plugin, addWithFeatures: (context, parts) => add(sys, context, parts), delWithFeatures: del };

  function del(
    context: Context<BridgeSettings>,
    { rules, hostEnd }: DelHooks = { rules: [], hostEnd: [] },
  ): void {
    // The configuration may have had macspoofchk at ADD only. The tables are listed anyway.
    let isChecked = false;
    const look: RemovalPart = {
      changes(_, tables) {
        isChecked = hasSpoofChecks(tables);
        return [];
      },
    };
    deleteAttachment(sys, context, { rules: [...rules, look], hostEnd });
    // After the link is gone, so that no frame passes unchecked.
    if (isChecked) {
      uncheckSpoofing(sys, context);
    }
  }
}
