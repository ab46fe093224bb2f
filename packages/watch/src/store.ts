import type { Version } from './incoming-object.ts';
import { isNewer } from './resource-version.ts';
import type { ObjectChange } from './types.ts';

/** The last known state of an object. */
export interface Entry<T> extends Version {
  value: T;
}

/** Number of deletions remembered, so that a late event does not bring a deleted object back. */
const TOMBSTONES = 1024;

const NOTHING: [] = [];

/** The last known state of a collection; each list and event yields the changes it makes. */
export class ObjectStore<T> {
  readonly #equal: (a: T, b: T) => boolean;
  #entries = new Map<string, Entry<T>>();
  /** Resource version of deletions by key, oldest first. */
  readonly #deleted = new Map<string, string>();
  /** Version of the last list: older events about objects missing from it are stale. */
  #listedAt = '0';

  constructor(equal: (a: T, b: T) => boolean) {
    this.#equal = equal;
  }

  get size(): number {
    return this.#entries.size;
  }

  values(): Map<string, T> {
    return new Map([...this.#entries].map(([name, entry]) => [name, entry.value]));
  }

  /** Replaces the state by a complete list. Deletions come first, so that consumers can reuse what they free. */
  replace(listed: Map<string, Entry<T>>, resourceVersion: string): ObjectChange<T>[] {
    const gone: ObjectChange<T>[] = [];
    const changes: ObjectChange<T>[] = [];
    for (const [name, old] of this.#entries) {
      const next = listed.get(name);
      if (next === undefined || next.uid !== old.uid) {
        gone.push({ type: 'deleted', name, object: old.value });
      }
    }
    for (const [name, next] of listed) {
      const old = this.#entries.get(name);
      if (old === undefined || old.uid !== next.uid) {
        changes.push({ type: 'added', name, object: next.value });
      } else if (this.#equal(old.value, next.value)) {
        next.value = old.value;
      } else {
        changes.push({ type: 'modified', name, object: next.value });
      }
    }
    this.#entries = listed;
    this.#deleted.clear();
    this.#listedAt = resourceVersion;
    return [...gone, ...changes];
  }

  /**
   * Applies an ADDED or MODIFIED event; the store decides which of the two it is. `select` is called only if the object
   * is new or its requested fields changed.
   */
  put(name: string, version: Version, select: () => T): ObjectChange<T>[] {
    const { uid, resourceVersion, digest } = version;
    const old = this.#entries.get(name);
    if (old === undefined) {
      const since = this.#deleted.get(name) ?? this.#listedAt;
      if (!isNewer(resourceVersion, since)) {
        return NOTHING;
      }
      const value = select();
      this.#deleted.delete(name);
      this.#entries.set(name, { uid, resourceVersion, digest, value });
      return [{ type: 'added', name, object: value }];
    }
    if (!isNewer(resourceVersion, old.resourceVersion)) {
      return NOTHING;
    }
    const same = old.uid === uid;
    if (same && digest !== undefined && digest === old.digest) {
      old.resourceVersion = resourceVersion;
      return NOTHING;
    }
    const value = select();
    const before = old.value;
    const changed = !same || !this.#equal(before, value);
    Object.assign(old, { uid, resourceVersion, digest, ...(changed ? { value } : {}) });
    if (!changed) {
      return NOTHING;
    }
    if (same) {
      return [{ type: 'modified', name, object: value }];
    }
    return [
      { type: 'deleted', name, object: before },
      { type: 'added', name, object: value },
    ];
  }

  /** Applies a DELETED event. */
  delete(name: string, resourceVersion: string): ObjectChange<T>[] {
    const old = this.#entries.get(name);
    const since = old?.resourceVersion ?? this.#deleted.get(name) ?? this.#listedAt;
    // Some servers send a deletion with the version of the last change.
    const known = old !== undefined && old.resourceVersion === resourceVersion;
    if (!known && !isNewer(resourceVersion, since)) {
      return NOTHING;
    }
    this.#entries.delete(name);
    // Recorded for unknown objects too: their ADDED event may arrive late.
    this.#deleted.delete(name);
    this.#deleted.set(name, resourceVersion);
    if (this.#deleted.size > TOMBSTONES) {
      this.#deleted.delete(this.#deleted.keys().next().value!);
    }
    return old === undefined ? NOTHING : [{ type: 'deleted', name, object: old.value }];
  }
}
