/**
 * Objects, their resource versions and the event history for watches. All resources share one counter, like etcd's
 * revision.
 */
import { randomUUID } from 'node:crypto';
import { apiVersionOf, type KubeObject, keyOf, type ResourceType } from './resources.ts';
import { notFound } from './status.ts';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED';

export interface Stored {
  key: string;
  object: KubeObject;
  /** The object's JSON, serialised once for all lists and watches. */
  json: string;
}

export interface StoreEvent {
  rv: number;
  type: EventType;
  resource: ResourceType;
  current: Stored;
  /** The object before this event, which a selector may have matched. */
  previous?: Stored;
}

const FIRST_REVISION = 1000;
/** Events kept for watches; beyond this number the older half is compacted, as etcd does by time. */
const HISTORY_LIMIT = 20_000;

export class Store {
  /** The newest revision. */
  rv = FIRST_REVISION;
  /** Events at or below this revision are compacted. */
  compacted = FIRST_REVISION;
  readonly #objects = new Map<ResourceType, Map<string, Stored>>();
  #history: StoreEvent[] = [];
  readonly #listeners = new Set<(event: StoreEvent) => void>();

  /** All objects of a resource, in key order. */
  all(resource: ResourceType): Stored[] {
    return [...this.#table(resource).values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  get(resource: ResourceType, key: string): Stored | undefined {
    return this.#table(resource).get(key);
  }

  /** Creates or replaces an object; uid and creation time survive a replacement. */
  put(resource: ResourceType, given: KubeObject): Stored {
    const key = keyOf(resource.namespaced ? given.metadata.namespace : undefined, given.metadata.name);
    const previous = this.#table(resource).get(key);
    this.rv += 1;
    const before = previous?.object.metadata;
    const { kind: _kind, apiVersion: _apiVersion, metadata, ...body } = given;
    const { name, namespace, uid, resourceVersion: _version, creationTimestamp, ...more } = metadata;
    // Keys in the order of kube-apiserver, which readers may be optimised for.
    const object: KubeObject = {
      kind: resource.kind,
      apiVersion: apiVersionOf(resource),
      metadata: {
        name,
        namespace,
        uid: before?.uid ?? uid ?? randomUUID(),
        resourceVersion: String(this.rv),
        creationTimestamp:
          before?.creationTimestamp ?? creationTimestamp ?? new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
        ...more,
      },
      ...body,
    };
    const current = { key, object, json: JSON.stringify(object) };
    this.#table(resource).set(key, current);
    this.#publish({
      rv: this.rv,
      type: previous === undefined ? 'ADDED' : 'MODIFIED',
      resource,
      current,
      previous,
    });
    return current;
  }

  /** Deletes an object; the DELETED event carries its last state with the deletion's revision. */
  delete(resource: ResourceType, key: string): Stored {
    const previous = this.#table(resource).get(key);
    if (previous === undefined) {
      throw notFound(resource, key.slice(key.indexOf('/') + 1));
    }
    this.#table(resource).delete(key);
    this.rv += 1;
    const object: KubeObject = {
      ...previous.object,
      metadata: { ...previous.object.metadata, resourceVersion: String(this.rv) },
    };
    const current = { key, object, json: JSON.stringify(object) };
    this.#publish({ rv: this.rv, type: 'DELETED', resource, current, previous });
    return previous;
  }

  /** Compacts the history: older watches and open continue tokens are rejected from now on. */
  compact(): void {
    this.rv += 1;
    this.compacted = this.rv;
    this.#history = [];
  }

  /** Returns the events after `rv`; undefined when they are compacted. */
  since(rv: number, resource: ResourceType): StoreEvent[] | undefined {
    if (rv < this.compacted) {
      return undefined;
    }
    return this.#history.filter((event) => event.rv > rv && event.resource === resource);
  }

  subscribe(listener: (event: StoreEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #table(resource: ResourceType): Map<string, Stored> {
    let table = this.#objects.get(resource);
    if (table === undefined) {
      table = new Map();
      this.#objects.set(resource, table);
    }
    return table;
  }

  #publish(event: StoreEvent): void {
    this.#history.push(event);
    if (this.#history.length > HISTORY_LIMIT) {
      const dropped = this.#history.splice(0, HISTORY_LIMIT / 2);
      this.compacted = dropped.at(-1)!.rv;
    }
    for (const listener of this.#listeners) {
      listener(event);
    }
  }
}
