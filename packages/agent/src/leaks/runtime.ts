/** Detects a running container runtime without mounting its socket, which would grant root on the node. */
import { readFileSync } from 'node:fs';

/** Sockets of containerd, its distributions, CRI-O and cri-dockerd. */
const SOCKETS = [
  '/run/containerd/containerd.sock',
  '/run/k3s/containerd/containerd.sock',
  '/run/k0s/containerd.sock',
  '/var/snap/microk8s/common/run/containerd.sock',
  '/run/crio/crio.sock',
  '/run/cri-dockerd.sock',
];

/** SO_ACCEPTCON in the flags of /proc/net/unix: a listening socket (net/unix/af_unix.c). */
const LISTENS = 0x10000;

/**
 * Returns whether a process listens on the runtime's socket, or on one of the known ones. /proc/net/unix
 * lists the sockets of the network namespace by the path they were bound to; the agent runs in the host's.
 */
export function runtimeListens(socket?: string, table = '/proc/net/unix'): boolean {
  const wanted = new Set(socket === undefined ? SOCKETS : [canonical(socket)]);
  return readFileSync(table, 'utf8')
    .split('\n')
    .some((line) => {
      const fields = line.trim().split(/\s+/);
      const [flags, path] = [Number.parseInt(fields[3] ?? '', 16), fields[7]];
      return path !== undefined && (flags & LISTENS) !== 0 && wanted.has(canonical(path));
    });
}

/** /var/run is a symbolic link to /run on all current distributions. */
const canonical = (path: string): string => path.replace(/^\/var\/run\//, '/run/');
