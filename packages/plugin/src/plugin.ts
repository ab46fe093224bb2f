import { definePlugin, type Plugin } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { type BridgeSettings, bridgeSettings } from './config.ts';
import { add } from './verbs/add.ts';
import { check } from './verbs/check.ts';
import { del } from './verbs/del.ts';
import { gc } from './verbs/gc.ts';
import { status } from './verbs/status.ts';

/** The plugin over a kernel; `dispatch` of cni-spec runs it. */
export function bridgePlugin(sys: Sys): Plugin<BridgeSettings> {
  return definePlugin({
    about: 'cnikit: bridge, host-local addresses and routes for a pod, in one process',
    // Addresses come from the built-in IPAM: there is no delegate to look for.
    optionalEnv: ['CNI_PATH'],
    config: bridgeSettings,
    add: (context) => add(sys, context),
    del: (context) => del(sys, context),
    check: (context) => check(sys, context),
    gc: (context) => gc(sys, context),
    status: (context) => status(sys, context),
  });
}
