import { definePlugin, type Plugin } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import type { TuningSettings } from './settings.ts';
import { add, check, del, gc, tuningSettings, tuningSettingsForDel } from './verbs.ts';

/** The plugin `tuning`: sets sysctls, and attributes of the interface that a previous plugin of the list created. */
export function tuningPlugin(sys: Sys): Plugin<TuningSettings> {
  return definePlugin({
    about: 'cnikit tuning: sysctls and interface attributes of a pod',
    optionalEnv: ['CNI_PATH'],
    args: ['MAC'],
    config: tuningSettings,
    configForDel: tuningSettingsForDel,
    add: (context) => add(sys, context),
    del: (context) => del(sys, context),
    check: (context) => check(sys, context),
    gc: (context) => gc(sys, context),
  });
}
