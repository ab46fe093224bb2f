import { WatchError } from './errors.ts';
import type { ListEnvelope } from './items.ts';
import { type Context, openRequest } from './open-request.ts';
import type { Entry } from './store.ts';

export interface Listed<T> {
  entries: Map<string, Entry<T>>;
  resourceVersion: string;
  pages: number;
}

export interface ListRequest<T> {
  path: string;
  /** Field and label selectors. */
  query: URLSearchParams;
  /** Objects per page; 0 requests the list unpaged. */
  pageSize: number;
  /** Lower bound of the list's version: `0` accepts the server's cache, undefined requires the newest state. */
  notOlderThan: string | undefined;
  select: (object: unknown) => T;
}

/**
 * Reads a collection page by page and item by item.
 *
 * @throws {WatchError} EXPIRED when the continue token expired, else as openRequest()
 */
export async function list<T>(context: Context, request: ListRequest<T>): Promise<Listed<T>> {
  const entries = new Map<string, Entry<T>>();
  const seen = new Set<string>();
  let token: string | undefined;
  for (let pages = 1; ; pages += 1) {
    const { metadata } = await page(context, request, token, entries);
    token = metadata?.continue;
    if (token === undefined || token === '') {
      const resourceVersion = metadata?.resourceVersion;
      if (typeof resourceVersion !== 'string' || resourceVersion === '') {
        throw new WatchError('PROTOCOL', 'The API server sent a list without resourceVersion');
      }
      return { entries, resourceVersion, pages };
    }
    if (seen.has(token)) {
      throw new WatchError('PROTOCOL', 'The API server sent the same continue token twice');
    }
    seen.add(token);
  }
}

async function page<T>(
  context: Context,
  request: ListRequest<T>,
  token: string | undefined,
  entries: Map<string, Entry<T>>,
): Promise<ListEnvelope> {
  const query = new URLSearchParams(request.query);
  if (request.pageSize > 0) {
    query.set('limit', String(request.pageSize));
  }
  if (token !== undefined) {
    query.set('continue', token);
  } else if (request.notOlderThan !== undefined) {
    query.set('resourceVersion', request.notOlderThan);
    if (request.notOlderThan !== '0') {
      query.set('resourceVersionMatch', 'NotOlderThan');
    }
  }
  const { chunks, format, close } = await openRequest(context, `${request.path}?${query}`);
  try {
    const reader = format.list(({ name, uid, resourceVersion, digest, object }) => {
      entries.set(name, { uid, resourceVersion, digest, value: request.select(object()) });
    });
    for await (const chunk of chunks) {
      reader.push(chunk);
    }
    return reader.end();
  } finally {
    close();
  }
}
