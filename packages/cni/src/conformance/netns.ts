import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import {
  delLink,
  NetlinkError,
  newLink,
  openRtnetlink,
  type RtnetlinkConnection,
  setLink,
} from '@cnikit/netlink';
import { MNT_DETACH, O_RDONLY, sys } from '@cnikit/sys';

const DIR = '/run/netns';

/** Creates a network namespace with loopback up, bound to a file. Returns the path of the file. */
export function makeNetns(name: string): string {
  mkdirSync(DIR, { recursive: true });
  const path = `${DIR}/${name}`;
  sys.writeText(path, '');
  const { status, stderr } = spawnSync('unshare', [`--net=${path}`, 'true'], { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`Cannot create a network namespace: ${stderr}`);
  }
  within(path, (rt) => rt.request(setLink({ name: 'lo', up: true })));
  return path;
}

/** Removes the file of the namespace. The kernel deletes the namespace when nothing uses it any more. */
export function removeNetns(path: string): void {
  sys.umount(path, MNT_DETACH);
  sys.unlink(path);
}

/** Calls `body` with a connection to a namespace; undefined is the namespace of this process. */
export function within<T>(netns: string | undefined, body: (rt: RtnetlinkConnection) => T): T {
  const rt = openRtnetlink({ netns });
  try {
    return body(rt);
  } finally {
    rt.close();
  }
}

/** Creates a veth pair as an earlier plugin of a chain does. */
export function makeVeth(netns: string, ifName: string, host: string): void {
  const fd = sys.open(netns, O_RDONLY);
  try {
    within(undefined, (rt) =>
      rt.request(newLink({ kind: 'veth', name: host, up: true, peer: { name: ifName, netns: fd } })),
    );
  } finally {
    sys.close(fd);
  }
  within(netns, (rt) => rt.request(setLink({ name: ifName, up: true })));
}

/** Removes a link of the host. The kernel may have removed it with the namespace of its peer. */
export function removeLink(name: string): void {
  try {
    within(undefined, (rt) => rt.request(delLink({ name })));
  } catch (error) {
    if (!(error instanceof NetlinkError && error.code === 'ENODEV')) {
      throw error;
    }
  }
}
