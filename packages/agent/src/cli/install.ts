/** `cnikit-agent install`: the plugin's executable, with its links, and nothing else. Asks neither the API nor the kernel. */
import { createCni } from '../apply/cni.ts';
import type { Config } from '../config/config.ts';
import { describe } from '../core/action.ts';
import type { Output } from './plan.ts';
import { findPluginBinary } from './plugin-binary.ts';

/** For an init container that may write one directory and has no capability. Nothing is written when it is there. */
export function install(config: Config, { out }: Output): number {
  const pluginBinary = findPluginBinary(config.pluginBinary);
  const { cniBinDir: binDir, cniConfDir: confDir, pluginLinks: links } = config;
  const cni = createCni({ binDir, confDir, pluginBinary, links });
  for (const action of cni.apply()) {
    out(`${describe(action)}\n`);
  }
  return 0;
}
