import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { openRtnetlink, type RtnetlinkCore } from '@cnikit/netlink/short-lived';
import { O_NONBLOCK, O_RDONLY, type Sys, SysError } from '@cnikit/sys';

/** A pod's network namespace: a descriptor, which netlink messages name it by, and a connection inside it. */
export class PodNamespace {
  readonly fd: number;
  readonly route: RtnetlinkCore;
  readonly #sys: Sys;

  constructor(sys: Sys, fd: number, route: RtnetlinkCore) {
    this.fd = fd;
    this.route = route;
    this.#sys = sys;
  }

  /** Closes the descriptor and the connection. */
  close(): void {
    this.route.close();
    try {
      this.#sys.close(this.fd);
    } catch (error) {
      // Linux closes the descriptor even when it reports an error.
      if (!(error instanceof SysError)) {
        throw error;
      }
    }
  }
}

/**
 * Opens the namespace that CNI_NETNS names.
 *
 * @throws {CniError} 4 naming CNI_NETNS, when the path does not exist or is not a network namespace
 */
export function openPodNamespace(sys: Sys, path: string): PodNamespace {
  let fd = -1;
  try {
    // The path is input: without O_NONBLOCK, opening a FIFO would block.
    fd = sys.open(path, O_RDONLY | O_NONBLOCK);
    return new PodNamespace(sys, fd, openRtnetlink({ sys, netns: fd }));
  } catch (error) {
    if (fd < 0) {
      throw refusal(path, 'does not open', error);
    }
    sys.close(fd);
    throw refusal(path, 'is not a network namespace', error);
  }
}

/** Errors of an overloaded node, which do not depend on the path. */
const TRANSIENT: readonly string[] = ['EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS'];

/**
 * Opens the namespace as {@link openPodNamespace} does.
 *
 * @returns undefined when the path is unset, gone or not a namespace, as DEL finds it after a reboot
 * @throws {CniError} 4 when the node lacks memory or descriptors
 */
export function openPodNamespaceIfExists(sys: Sys, path: string): PodNamespace | undefined {
  if (path === '') {
    return undefined;
  }
  try {
    return openPodNamespace(sys, path);
  } catch (error) {
    const gone = error instanceof CniError && error.cause instanceof SysError;
    if (gone && !TRANSIENT.includes((error.cause as SysError).code)) {
      return undefined;
    }
    throw error;
  }
}

/** Returns an error that names CNI_NETNS in place of a failed system call. */
function refusal(path: string, what: string, error: unknown): unknown {
  if (!(error instanceof SysError)) {
    return error;
  }
  return new CniError(
    ErrorCode.InvalidEnvironmentVariables,
    `CNI_NETNS ${JSON.stringify(path)} ${what}`,
    `${error.syscall}: ${error.code}. The runtime must create the namespace before ADD`,
    { cause: error },
  );
}
