/** Named network namespaces in the layout of `ip netns`: each a file that the namespace is mounted on. */
import {
  CLONE_NEWNET,
  ignoreErrno,
  MNT_DETACH,
  MS_BIND,
  MS_REC,
  MS_SHARED,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  sys as realSys,
  type Sys,
  SysError,
} from '@cnikit/sys';

/** Where named namespaces are kept. */
export interface NamedNetnsOptions {
  sys?: Sys;
  /** Where the names are; default `/run/netns`, that of `ip netns`. */
  directory?: string;
}

const DIRECTORY = '/run/netns';
const SELF = '/proc/thread-self/ns/net';

/**
 * Makes a network namespace under a name, `ip netns add`; gives its path. Only the
 * loopback link is in it, and down. SysError `EEXIST` when the name is taken,
 * `EINVAL` for a name with a slash.
 */
export function createNetns(name: string, options: NamedNetnsOptions = {}): string {
  const { sys = realSys, directory = DIRECTORY } = options;
  const path = pathOf(name, directory);
  shareDirectory(sys, directory);
  sys.close(sys.open(path, O_RDONLY | O_CREAT | O_EXCL, 0));
  try {
    inNewNetns(sys, () => sys.mount(SELF, path, 'none', MS_BIND));
  } catch (error) {
    sys.unlink(path);
    throw error;
  }
  return path;
}

/** Removes a name, `ip netns del`. The namespace lives on while a process or descriptor is in it. `ENOENT` when there is none. */
export function deleteNetns(name: string, options: NamedNetnsOptions = {}): void {
  const { sys = realSys, directory = DIRECTORY } = options;
  const path = pathOf(name, directory);
  ignoreErrno('EINVAL', () => sys.umount(path, MNT_DETACH)); // a file that nothing is mounted on goes too
  sys.unlink(path);
}

/** The names there are, sorted, `ip netns list`. */
export function listNetns(options: NamedNetnsOptions = {}): string[] {
  const { sys = realSys, directory = DIRECTORY } = options;
  return ignoreErrno('ENOENT', () => sys.readdir(directory).sort()) ?? [];
}

function pathOf(name: string, directory: string): string {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.length > 255) {
    throw new SysError({ syscall: 'netns', errno: 22, path: name });
  }
  return `${directory}/${name}`;
}

/**
 * A mount below the directory must reach the mount namespaces of other processes,
 * as theirs must reach us: the directory is made a shared mount of its own, once.
 */
function shareDirectory(sys: Sys, directory: string): void {
  ignoreErrno('EEXIST', () => sys.mkdir(directory, 0o755));
  const share = (): true => {
    sys.mount('', directory, 'none', MS_SHARED | MS_REC);
    return true;
  };
  if (ignoreErrno('EINVAL', share) === true) {
    return; // EINVAL: no mount of its own yet
  }
  sys.mount(directory, directory, 'none', MS_BIND | MS_REC);
  share();
}

function inNewNetns(sys: Sys, body: () => void): void {
  const home = sys.open(SELF, O_RDONLY);
  try {
    sys.unshare(CLONE_NEWNET);
    try {
      body();
    } finally {
      comeBack(sys, home);
    }
  } finally {
    sys.close(home);
  }
}

/** Whoever stays behind in another namespace would configure the wrong links from then on: better to end. */
function comeBack(sys: Sys, home: number): void {
  try {
    sys.setns(home, CLONE_NEWNET);
  } catch (error) {
    sys.writeFdText(2, `Cannot return to the network namespace of this process: ${String(error)}\n`);
    sys.exit(1);
  }
}
