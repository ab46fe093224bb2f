/** Finds out whether the plugins of the conflist are installed, whether ours runs, and which versions they speak. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PLUGIN_NAME } from '../../apply/cni-names.ts';
import { versionsOf } from '../../apply/probe-executable.ts';
import { CONFLIST_NAME } from '../../core/names.ts';
import type { Configuration } from '../../observe/configurations.ts';
import { runtimeFolders } from '../../observe/runtime-folders.ts';
import type { PluginFacts, UnspokenVersion } from './facts.ts';

/** containerd runs loopback for every pod, independent of the conflist. */
const RUNTIME_NEEDS = ['loopback'];

/** `readRuntimes`: a container runtime with the usual configuration runs on this node. */
export function gatherPlugin(
  binDir: string,
  configurations: readonly Configuration[],
  readRuntimes: boolean,
): PluginFacts {
  const path = join(binDir, PLUGIN_NAME);
  const ours = configurations.find(({ file }) => file === CONFLIST_NAME);
  const types = [...new Set(ours?.types ?? [])];
  const installed = (type: string): boolean => existsSync(join(binDir, type));
  return {
    path,
    missing: [...new Set([...RUNTIME_NEEDS, ...types])].filter(
      (type) => type !== PLUGIN_NAME && !installed(type),
    ),
    unspoken: types.filter(installed).flatMap((type) => unspoken(binDir, type, ours?.versions ?? [])),
    runtimes: readRuntimes ? runtimeFolders() : [],
    ...versionsOf(path),
  };
}

function unspoken(binDir: string, type: string, offered: readonly string[]): UnspokenVersion[] {
  const { versions } = versionsOf(join(binDir, type));
  const lacks = offered.filter((version) => versions?.includes(version) === false);
  return versions === undefined || lacks.length === 0 ? [] : [{ type, versions, offered: lacks.at(-1)! }];
}
