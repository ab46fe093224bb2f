import { O_RDONLY, type Sys } from '@cnikit/sys';

/**
 * A network namespace: a path (`/run/netns/blue`, `/proc/1234/ns/net`), an open
 * descriptor of one, or the process that lives in it.
 */
export type Netns = string | number | { pid: number };

/** Calls `body` with a descriptor of the namespace, or `undefined` for ours, and closes what it opened. */
export function withNetnsFd<T>(sys: Sys, netns: Netns | undefined, body: (fd: number | undefined) => T): T {
  if (netns === undefined || typeof netns === 'number') return body(netns);
  const fd = sys.open(typeof netns === 'string' ? netns : `/proc/${netns.pid}/ns/net`, O_RDONLY);
  try {
    return body(fd);
  } finally {
    sys.close(fd);
  }
}
