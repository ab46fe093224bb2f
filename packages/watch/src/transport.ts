import type { RequestOptions } from 'node:https';

/** An answer that has begun. */
export interface Answer {
  status: number;
  /** The Retry-After header. */
  retryAfter?: string | undefined;
  /** Throws when the connection breaks or the signal fires. */
  body: AsyncIterable<Uint8Array>;
  /** Gives the connection up, whether or not the body was read. */
  close(): void;
}

/** How the watch reaches a server: the seam for tests and simulations. */
export interface Transport {
  /** GET of path and query; any status is an answer. What it rejects with counts as CONNECT, if no WatchError. */
  get(path: string, signal: AbortSignal): Promise<Answer>;
}

/** The part of client-node's KubeConfig that is used. */
export interface KubeConfigLike {
  /** Where the server is; null in a configuration without context. */
  getCurrentCluster(): { server: string; proxyUrl?: string | undefined } | null;
  /** Who we are; of an `authProvider` only the `tokenFile` of its `config` is used. */
  getCurrentUser(): { authProvider?: unknown } | null;
  /** Adds certificates and tokens to a request. */
  applyToHTTPSOptions(options: RequestOptions): Promise<void>;
}
