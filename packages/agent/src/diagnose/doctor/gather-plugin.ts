/** Whether the plugins that the conflist names are there, and ours runs. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PLUGIN_NAME } from '../../apply/cni-names.ts';
import { CONFLIST_NAME } from '../../core/names.ts';
import type { Configuration } from '../../observe/configurations.ts';
import type { PluginFacts } from './facts.ts';

const TIMEOUT_MS = 10_000;
/** containerd runs it for every pod, whatever the conflist says. */
const RUNTIME_NEEDS = ['loopback'];

export function gatherPlugin(binDir: string, configurations: readonly Configuration[]): PluginFacts {
  const path = join(binDir, PLUGIN_NAME);
  const ours = configurations.find(({ file }) => file === CONFLIST_NAME)?.types ?? [];
  const missing = [...new Set([...RUNTIME_NEEDS, ...ours])].filter(
    (name) => name !== PLUGIN_NAME && !existsSync(join(binDir, name)),
  );
  return { path, missing, ...runVersion(path) };
}

function runVersion(path: string): { versions?: string[]; error?: string } {
  const env = { CNI_COMMAND: 'VERSION' };
  const { status, signal, stdout, error } = spawnSync(path, [], {
    env,
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  if (error !== undefined) {
    return { error: error.message };
  }
  if (status !== 0) {
    return { error: `it ended with ${signal ?? `status ${status}`}` };
  }
  try {
    const { supportedVersions } = JSON.parse(stdout) as { supportedVersions: string[] };
    return { versions: supportedVersions.map(String) };
  } catch {
    return { error: 'what it printed for VERSION is not that of a CNI plugin' };
  }
}
