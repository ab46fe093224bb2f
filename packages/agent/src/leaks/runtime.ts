/** Whether a container runtime runs on this node, without its socket being mounted, which would be the node's keys. */
import { readFileSync } from 'node:fs';

/** Where containerd, its distributions' copies, CRI-O and cri-dockerd listen. */
const SOCKETS = [
  '/run/containerd/containerd.sock',
  '/run/k3s/containerd/containerd.sock',
  '/run/k0s/containerd.sock',
  '/var/snap/microk8s/common/run/containerd.sock',
  '/run/crio/crio.sock',
  '/run/cri-dockerd.sock',
];

/** SO_ACCEPTCON in the flags of /proc/net/unix: somebody listens (net/unix/af_unix.c). */
const LISTENS = 0x10000;

/**
 * True when a process listens on the runtime's socket, or on one of the known ones. /proc/net/unix lists the sockets
 * of the network namespace by the path they were bound to; the agent is in the host's.
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

/** /var/run is a link to /run on every distribution of this century. */
const canonical = (path: string): string => path.replace(/^\/var\/run\//, '/run/');
