import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { UPSTREAM_VERSION, upstreamPlugins } from '../../../upstream-plugins.ts';

const [newest] = upstreamPlugins();

/** The path of host-local, if it is installed. */
export const referencePath = newest && join(newest.dir, 'host-local');

/** True for the pinned version, false when only an older one is installed. */
export const isPinned = newest?.version === UPSTREAM_VERSION;

/** Runs host-local and returns its JSON, or `undefined` for empty output. */
export function reference(
  verb: 'ADD' | 'DEL' | 'CHECK',
  { containerID, ifName }: { containerID: string; ifName: string },
  conf: object,
  args = '',
): { ips?: { address: string; gateway: string }[]; code?: number; msg?: string; [key: string]: unknown } {
  const { stdout, error } = spawnSync(referencePath!, {
    input: JSON.stringify({ cniVersion: '1.0.0', name: 'net', type: 'bridge', ...conf }),
    env: {
      CNI_COMMAND: verb,
      CNI_CONTAINERID: containerID,
      CNI_IFNAME: ifName,
      CNI_NETNS: '/proc/none/ns/net',
      CNI_PATH: '/nonexistent',
      CNI_ARGS: args,
    },
    encoding: 'utf8',
  });
  if (error) {
    throw error;
  }
  return stdout.trim() === '' ? {} : JSON.parse(stdout);
}
