import type { RequestOptions } from 'node:https';

/** A response whose body is still arriving. */
export interface Answer {
  status: number;
  /** Value of the Retry-After header. */
  retryAfter?: string | undefined;
  /** Value of the Content-Type header. Without it the body counts as JSON. */
  contentType?: string | undefined;
  /** Throws when the connection breaks or the signal fires. A chunk is valid until the next is requested. */
  body: AsyncIterable<Uint8Array>;
  /** Closes the connection, whether or not the body was read. */
  close(): void;
}

/** Wishes for one request, which a transport may ignore. */
export interface GetOptions {
  /** See `WatchOptions`. */
  gatherMs?: number | undefined;
  /**
   * Value of the Accept header.
   *
   * @default 'application/json'
   */
  accept?: string | undefined;
}

/** The watch's access to the API server, replaceable in tests and simulations. */
export interface Transport {
  /** Sends a GET for path and query and resolves for any status. Rejections other than WatchError count as CONNECT. */
  get(path: string, signal: AbortSignal, options?: GetOptions): Promise<Answer>;
}

/** The subset of client-node's KubeConfig that watch() uses. */
export interface KubeConfigLike {
  /** The API server; null if the configuration has no current context. */
  getCurrentCluster(): { server: string; proxyUrl?: string | undefined } | null;
  /** The user; only `config.tokenFile` of an `authProvider` is used. */
  getCurrentUser(): { authProvider?: unknown } | null;
  /** Adds certificates and tokens to a request. */
  applyToHTTPSOptions(options: RequestOptions): Promise<void>;
  /** Called after status 401, so that cached credentials are obtained again. client-node's KubeConfig needs none. */
  renewCredentials?(): void;
}
