import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Where Debian's containernetworking-plugins, and the project's own releases, put host-local. */
const PLACES = ['/usr/lib/cni/host-local', '/opt/cni/bin/host-local'];

/** The reference host-local, if this machine has it. */
export const referencePath = PLACES.find((path) => existsSync(path));

/** What host-local printed for a verb: its JSON, undefined for nothing. */
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
