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

const FOLDER = '/run/netns';

/** Makes a network namespace with loopback up, held by a file, and gives the file's path. */
export function makeNetns(name: string): string {
  mkdirSync(FOLDER, { recursive: true });
  const path = `${FOLDER}/${name}`;
  sys.writeText(path, '');
  const { status, stderr } = spawnSync('unshare', [`--net=${path}`, 'true'], { encoding: 'utf8' });
  if (status !== 0) {
    throw new Error(`Cannot make a network namespace: ${stderr}`);
  }
  within(path, (rt) => rt.request(setLink({ name: 'lo', up: true })));
  return path;
}

/** Removes the namespace and its file; the kernel's part goes when nothing uses it any more. */
export function removeNetns(path: string): void {
  sys.umount(path, MNT_DETACH);
  sys.unlink(path);
}

/** A connection to the kernel in a namespace, or here if there is none given. */
export function within<T>(netns: string | undefined, body: (rt: RtnetlinkConnection) => T): T {
  const rt = openRtnetlink(netns === undefined ? {} : { netns });
  try {
    return body(rt);
  } finally {
    rt.close();
  }
}

/** A veth pair as some earlier plugin of a chain would have made it. */
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

/** Removes a link of the host; the kernel may be about to do so itself, after its peer's namespace went. */
export function removeLink(name: string): void {
  try {
    within(undefined, (rt) => rt.request(delLink({ name })));
  } catch (error) {
    if (!(error instanceof NetlinkError && error.code === 'ENODEV')) {
      throw error;
    }
  }
}
