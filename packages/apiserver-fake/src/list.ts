/** Paged lists from one snapshot, with the resourceVersion semantics of the API. */
import type { ActiveFaults } from './faults.ts';
import { apiVersionOf, type KubeObject, type ResourceType } from './resources.ts';
import { ApiError, expiredList, tooLarge } from './status.ts';
import type { Store } from './store.ts';

/** Number of snapshots kept for continue tokens. */
const SNAPSHOTS = 16;

interface Snapshot {
  rv: number;
  /** The objects' JSON, in key order. */
  items: readonly string[];
}

/** A page in pieces, so that a list of thousands of objects is never a single string. */
export interface Page {
  metadata: unknown;
  head: string;
  items: readonly string[];
}

export class Lists {
  readonly #store: Store;
  readonly #faults: ActiveFaults;
  readonly #snapshots = new Map<string, Snapshot>();
  #next = 0;

  constructor(store: Store, faults: ActiveFaults) {
    this.#store = store;
    this.#faults = faults;
  }

  page(resource: ResourceType, matches: (object: KubeObject) => boolean, query: URLSearchParams): Page {
    const limit = this.#faults.ignoreLimit ? 0 : parseLimit(query.get('limit'));
    const token = query.get('continue');
    if (token !== null && token !== '') {
      return this.#continued(resource, token, limit, query);
    }
    this.#checkVersion(query, limit);
    const items = this.#store
      .all(resource)
      .filter((stored) => matches(stored.object))
      .map((stored) => stored.json);
    return this.#slice(resource, { rv: this.#store.rv, items }, 0, limit);
  }

  #continued(resource: ResourceType, token: string, limit: number, query: URLSearchParams): Page {
    if ((query.get('resourceVersion') ?? '') !== '') {
      throw new ApiError(400, 'specifying resource version is not allowed when using continue');
    }
    const [id, offset] = Buffer.from(token, 'base64url').toString().split(':');
    if (id === undefined || offset === undefined) {
      throw new ApiError(400, 'continue key is not valid');
    }
    const snapshot = this.#snapshots.get(id);
    if (snapshot === undefined || snapshot.rv < this.#store.compacted) {
      this.#snapshots.delete(id);
      throw new ApiError(
        410,
        'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.',
      );
    }
    return this.#slice(resource, snapshot, Number(offset), limit, id);
  }

  #checkVersion(query: URLSearchParams, limit: number): void {
    if (query.has('sendInitialEvents')) {
      throw new ApiError(422, 'sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list');
    }
    const text = query.get('resourceVersion') ?? '';
    const match = query.get('resourceVersionMatch') ?? '';
    if (text === '' && match !== '') {
      throw new ApiError(422, 'resourceVersionMatch is forbidden unless resourceVersion is provided');
    }
    if (!/^\d*$/.test(text)) {
      throw new ApiError(400, `Invalid value: "${text}": resourceVersion must be a number`);
    }
    if (!['', 'Exact', 'NotOlderThan'].includes(match)) {
      throw new ApiError(422, `resourceVersionMatch: Unsupported value: "${match}"`);
    }
    const rv = Number(text === '' ? 0 : text);
    if (rv > this.#store.rv) {
      throw tooLarge(rv, this.#store.rv);
    }
    const exact = match === 'Exact' || (match === '' && rv > 0 && limit > 0);
    if (exact && rv !== this.#store.rv) {
      throw expiredList();
    }
  }

  #slice(resource: ResourceType, snapshot: Snapshot, offset: number, limit: number, id?: string): Page {
    const end = limit === 0 ? snapshot.items.length : Math.min(offset + limit, snapshot.items.length);
    const metadata: Record<string, unknown> = { resourceVersion: String(snapshot.rv) };
    if (end < snapshot.items.length) {
      const name = id ?? this.#keep(snapshot);
      metadata.continue = Buffer.from(`${name}:${end}`).toString('base64url');
      metadata.remainingItemCount = snapshot.items.length - end;
    } else if (id !== undefined) {
      this.#snapshots.delete(id);
    }
    const head = `{"kind":"${resource.kind}List","apiVersion":"${apiVersionOf(resource)}","metadata":${JSON.stringify(metadata)},"items":[`;
    return { metadata, head, items: snapshot.items.slice(offset, end) };
  }

  #keep(snapshot: Snapshot): string {
    this.#next += 1;
    const id = String(this.#next);
    this.#snapshots.set(id, snapshot);
    if (this.#snapshots.size > SNAPSHOTS) {
      this.#snapshots.delete(this.#snapshots.keys().next().value!);
    }
    return id;
  }
}

function parseLimit(text: string | null): number {
  if (text === null || text === '') {
    return 0;
  }
  if (!/^\d+$/.test(text)) {
    throw new ApiError(400, `strconv.ParseInt: parsing "${text}": invalid syntax`);
  }
  return Number(text);
}
