/** `cnikit-agent install`: installs the plugin executable and its links. Needs neither the API nor the kernel. */
import { CniFiles } from '../apply/cni-files.ts';
import type { Config } from '../config/config.ts';
import { describe } from '../core/action.ts';
import type { Output } from './plan.ts';
import { findPluginBinary } from './plugin-binary.ts';

/** Suits an init container that has write access to one directory and no capabilities. Writes only differences. */
export function install(config: Config, { out }: Output): number {
  const pluginBinary = findPluginBinary(config.pluginBinary);
  const { cniBinDir: binDir, cniConfDir: confDir, pluginLinks: links } = config;
  const cni = new CniFiles({ binDir, confDir, pluginBinary, links });
  for (const action of cni.apply()) {
    out(`${describe(action)}\n`);
  }
  return 0;
}
