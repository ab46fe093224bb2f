import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { openRtnetlink, type RtnetlinkConnection } from '@cnikit/netlink';
import { O_NONBLOCK, O_RDONLY, type Sys, SysError } from '@cnikit/sys';

/** A pod's network namespace: a descriptor, for the kernel to place the peer in, and a connection inside it. */
export interface PodNamespace {
  fd: number;
  route: RtnetlinkConnection;
  close(): void;
}

/**
 * Opens the namespace that CNI_NETNS names.
 *
 * @throws CniError 4 naming CNI_NETNS, when nothing is there or it is no network namespace
 */
export function openPodNamespace(sys: Sys, path: string): PodNamespace {
  // The path is somebody's input, and to open a FIFO would wait for ever.
  const fd = attempt(path, 'does not open', () => sys.open(path, O_RDONLY | O_NONBLOCK));
  try {
    const route = attempt(path, 'is not a network namespace', () => openRtnetlink({ sys, netns: fd }));
    return {
      fd,
      route,
      close() {
        route.close();
        try {
          sys.close(fd);
        } catch (error) {
          // Linux closes whatever it reports, and what was to be done inside is done.
          if (!(error instanceof SysError)) {
            throw error;
          }
        }
      },
    };
  } catch (error) {
    sys.close(fd);
    throw error;
  }
}

/** Troubles of the node that say nothing about what the path leads to. */
const PASSING: readonly string[] = ['EIO', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOBUFS'];

/**
 * As {@link openPodNamespace}, but undefined when it is unset, gone or no namespace: what DEL meets after a reboot.
 * Throws when the node is in too much trouble to tell.
 */
export function openPodNamespaceIfExists(sys: Sys, path: string): PodNamespace | undefined {
  if (path === '') {
    return undefined;
  }
  try {
    return openPodNamespace(sys, path);
  } catch (error) {
    const gone = error instanceof CniError && error.cause instanceof SysError;
    if (gone && !PASSING.includes((error.cause as SysError).code)) {
      return undefined;
    }
    throw error;
  }
}

function attempt<T>(path: string, what: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof SysError)) {
      throw error;
    }
    throw new CniError(
      ErrorCode.InvalidEnvironmentVariables,
      `CNI_NETNS ${JSON.stringify(path)} ${what}`,
      `${error.syscall}: ${error.code}. The runtime has to make the namespace before ADD`,
      { cause: error },
    );
  }
}
