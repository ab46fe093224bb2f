import { definePlugin, type Plugin } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { openIpam } from '../../ipam/ipam.ts';
import { collectWithSpoofChecks, deleteWithSpoofChecks } from '../bridge/removal.ts';
import { add } from './add.ts';
import { checkPair } from './check.ts';
import { type PtpSettings, ptpSettings, ptpSettingsForDel } from './settings.ts';

/** The plugin `ptp`: connects the pod and the node with a veth pair. The node routes; pods share no link. */
export function ptpPlugin(sys: Sys): Plugin<PtpSettings> {
  return definePlugin({
    about: 'cnikit ptp: a routed veth pair and host-local addresses for a pod, in one process',
    // CNI_PATH is only for delegated IPAM plugins; host-local is built in.
    optionalEnv: ['CNI_PATH'],
    canonicalResults: true,
    config: ptpSettings,
    configForDel: ptpSettingsForDel,
    add: (context) => add(sys, context),
    del: (context) => deleteWithSpoofChecks(sys, context),
    check: (context) => checkPair(sys, context),
    gc: (context) => collectWithSpoofChecks(sys, context),
    status: (context) => openIpam(sys, context)?.status(),
  });
}
