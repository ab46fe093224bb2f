/** What the agent's files in the CNI directories are called. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface CniDirs {
  /** /opt/cni/bin of the host. */
  binDir: string;
  /** /etc/cni/net.d of the host. */
  confDir: string;
}

export const PLUGIN_NAME = 'cnikit';
export const NOTICE_NAME = '05-cnikit.notice';

/** The file that was there before. */
export const previousName = (name: string): string => `${name}.previous`;
/** Holds the hash of what somebody rolled back from. */
export const heldName = (name: string): string => `${name}.held`;

/** A write that follows a rename of the conflist: containerd's watcher may miss the rename, and reloads at any write. */
export function noticeConflist(confDir: string): void {
  writeFileSync(
    join(confDir, NOTICE_NAME),
    'Written whenever 05-cnikit.conflist is replaced, for runtimes that miss a rename.\n',
  );
}
