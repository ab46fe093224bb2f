/** Named network namespaces in the layout of `ip netns`: each is mounted on a file. */
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
import { checkSpec } from '#check-spec';

/** Options for named namespaces. */
export interface NamedNetnsOptions {
  sys?: Sys;
  /**
   * Directory of the files.
   *
   * @default '/run/netns', like `ip netns`
   */
  directory?: string;
}

const DIRECTORY = '/run/netns';
const SELF = '/proc/thread-self/ns/net';

/**
 * Creates a named network namespace, `ip netns add`, and returns its path. It contains only the loopback link, which is
 * down.
 *
 * @throws {SysError} EEXIST when the name is taken, EINVAL when the name contains a slash
 */
export function createNetns(name: string, options: NamedNetnsOptions = {}): string {
  checkSpec('namespace options', options);
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

/**
 * Deletes the name of a network namespace, `ip netns del`. The namespace exists until no process or descriptor uses it.
 *
 * @throws {SysError} ENOENT when the name does not exist
 */
export function deleteNetns(name: string, options: NamedNetnsOptions = {}): void {
  checkSpec('namespace options', options);
  const { sys = realSys, directory = DIRECTORY } = options;
  const path = pathOf(name, directory);
  ignoreErrno('EINVAL', () => sys.umount(path, MNT_DETACH)); // EINVAL: nothing is mounted on the file
  sys.unlink(path);
}

/** Returns the names, sorted, `ip netns list`. */
export function listNetns(options: NamedNetnsOptions = {}): string[] {
  checkSpec('namespace options', options);
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
 * Makes the directory a shared mount, so that mounts below it propagate to the mount namespaces of other processes and
 * back.
 */
function shareDirectory(sys: Sys, directory: string): void {
  ignoreErrno('EEXIST', () => sys.mkdir(directory, 0o755));
  const share = (): true => {
    sys.mount('', directory, 'none', MS_SHARED | MS_REC);
    return true;
  };
  if (ignoreErrno('EINVAL', share) === true) {
    return; // EINVAL: not a mount point yet
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

/** Returns to the original namespace, or ends the process: in another namespace it would configure the wrong links. */
function comeBack(sys: Sys, home: number): void {
  try {
    sys.setns(home, CLONE_NEWNET);
  } catch (error) {
    sys.writeFdText(2, `Cannot return to the original network namespace: ${String(error)}\n`);
    sys.exit(1);
  }
}
