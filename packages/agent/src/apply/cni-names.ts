/** Names of the agent's files in the CNI directories. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { named } from './files.ts';

export interface CniDirs {
  /** /opt/cni/bin of the host. */
  binDir: string;
  /** /etc/cni/net.d of the host. */
  confDir: string;
}

export const PLUGIN_NAME = 'cnikit';
export const NOTICE_NAME = '05-cnikit.notice';

/** Name of the file with the previous version. */
export const previousName = (name: string): string => `${name}.previous`;
/** Name of the file that holds the hash of a version that was rolled back. */
export const heldName = (name: string): string => `${name}.held`;

/**
 * Writes a file after the conflist was renamed into place: containerd's watcher may miss the rename, and
 * reloads at any write.
 */
export function noticeConflist(confDir: string): void {
  const path = join(confDir, NOTICE_NAME);
  const text = 'Written whenever 05-cnikit.conflist is replaced, for runtimes that miss a rename.\n';
  named(path, () => writeFileSync(path, text));
}
