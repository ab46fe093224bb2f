/** Finds out whether the plugins of the conflist are installed and whether ours runs. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PLUGIN_NAME } from '../../apply/cni-names.ts';
import { runVersion } from '../../apply/probe-executable.ts';
import { CONFLIST_NAME } from '../../core/names.ts';
import type { Configuration } from '../../observe/configurations.ts';
import type { PluginFacts } from './facts.ts';

/** containerd runs loopback for every pod, independent of the conflist. */
const RUNTIME_NEEDS = ['loopback'];

export function gatherPlugin(binDir: string, configurations: readonly Configuration[]): PluginFacts {
  const path = join(binDir, PLUGIN_NAME);
  const ours = configurations.find(({ file }) => file === CONFLIST_NAME)?.types ?? [];
  const missing = [...new Set([...RUNTIME_NEEDS, ...ours])].filter(
    (name) => name !== PLUGIN_NAME && !existsSync(join(binDir, name)),
  );
  return { path, missing, ...versionsOf(path) };
}

function versionsOf(path: string): Pick<PluginFacts, 'versions' | 'error'> {
  const { stdout, error } = runVersion(path);
  if (error !== undefined) {
    return { error };
  }
  try {
    const { supportedVersions } = JSON.parse(stdout) as { supportedVersions: string[] };
    return { versions: supportedVersions.map(String) };
  } catch {
    return { error: 'its output for VERSION is not that of a CNI plugin' };
  }
}
