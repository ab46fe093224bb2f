/** One watch: a response with one JSON event per line. */
import type { ServerResponse } from 'node:http';
import type { ActiveFaults } from './faults.ts';
import { encodeEvent, encodeObject, encodeStatus, PROTOBUF } from './protobuf/envelope.ts';
import { apiVersionOf, type KubeObject, type ResourceType } from './resources.ts';
import { ApiError, expired, tooLarge } from './status.ts';
import type { EventType, Store, StoreEvent } from './store.ts';

/** Annotation of the bookmark after the initial events of a watch with `sendInitialEvents`. */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** Time a held event waits for the next one of its object, ms (fault reorderEvents). */
const REORDER_WINDOW_MS = 20;

export interface WatchRequest {
  resource: ResourceType;
  matches: (object: KubeObject) => boolean;
  resourceVersion: string | null;
  timeoutSeconds: number;
  bookmarks: boolean;
  /** Events in protobuf instead of JSON. */
  protobuf: boolean;
  /** `sendInitialEvents`; undefined when the client did not set it. */
  initialEvents: boolean | undefined;
}

export interface WatchContext {
  store: Store;
  faults: ActiveFaults;
  streams: Set<WatchStream>;
  bookmarkIntervalMs: number;
}

/** An object as it is sent. */
interface Sent {
  object: unknown;
  json: string;
}

export class WatchStream {
  readonly #request: WatchRequest;
  readonly #response: ServerResponse;
  readonly #context: WatchContext;
  #stalled = false;
  #held: StoreEvent | undefined;
  readonly #timers: NodeJS.Timeout[] = [];
  #unsubscribe: () => void = () => {};

  constructor(request: WatchRequest, response: ServerResponse, context: WatchContext) {
    this.#request = request;
    this.#response = response;
    this.#context = context;
  }

  /** Serves the watch; throws ApiError as long as nothing has been sent. */
  start(): void {
    const { store, faults, streams, bookmarkIntervalMs } = this.#context;
    const { resource, resourceVersion, timeoutSeconds, initialEvents } = this.#request;
    const anyVersion = resourceVersion === null || resourceVersion === '' || resourceVersion === '0';
    if (initialEvents === true && Number(resourceVersion) > store.rv) {
      throw tooLarge(Number(resourceVersion), store.rv);
    }
    const fromNow = anyVersion || initialEvents === true;
    const rv = fromNow ? store.rv : Number(resourceVersion);
    const missed = store.since(rv, resource);
    if (missed === undefined && faults.goneAs === 'status') {
      throw expired(rv, store.compacted);
    }
    const { protobuf } = this.#request;
    this.#response.writeHead(200, {
      'content-type': protobuf ? `${PROTOBUF};stream=watch` : 'application/json',
    });
    this.#response.flushHeaders();
    if (missed === undefined) {
      const status = expired(rv, store.compacted).toStatus();
      this.#response.end(
        protobuf ? encodeEvent('ERROR', encodeStatus(status)) : line('ERROR', JSON.stringify(status)),
      );
      return;
    }
    streams.add(this);
    this.#response.on('close', () => this.#stop());
    if (initialEvents ?? fromNow) {
      for (const stored of store.all(resource)) {
        if (this.#request.matches(stored.object)) {
          this.#write('ADDED', stored);
        }
      }
      if (initialEvents) {
        this.bookmark({ [INITIAL_EVENTS_END]: 'true' });
      }
    } else if (faults.replay > 0) {
      for (const event of this.#before(rv, faults.replay)) {
        this.#deliver(event);
      }
    }
    for (const event of missed) {
      this.#event(event);
    }
    this.#unsubscribe = store.subscribe((event) => {
      if (event.resource === resource) {
        this.#event(event);
      }
    });
    this.#timers.push(
      setTimeout(() => this.#end(), timeoutSeconds * 1000),
      setInterval(() => this.bookmark(), bookmarkIntervalMs),
    );
  }

  drop(): void {
    this.#stop();
    this.#response.socket?.destroy();
  }

  stall(): void {
    this.#stalled = true;
  }

  bookmark(annotations?: Record<string, string>): void {
    if (!this.#request.bookmarks) {
      return;
    }
    this.#flush();
    const object = {
      kind: this.#request.resource.kind,
      apiVersion: apiVersionOf(this.#request.resource),
      metadata: { resourceVersion: String(this.#context.store.rv), creationTimestamp: null, annotations },
    };
    this.#raw(this.#encode('BOOKMARK', { object, json: JSON.stringify(object) }));
  }

  #before(rv: number, count: number): StoreEvent[] {
    const { store } = this.#context;
    const all = store.since(store.compacted, this.#request.resource) ?? [];
    return all.filter((event) => event.rv <= rv).slice(-count);
  }

  #end(): void {
    this.bookmark();
    if (!this.#stalled) {
      this.#response.end();
    }
  }

  #stop(): void {
    this.#context.streams.delete(this);
    this.#unsubscribe();
    for (const timer of this.#timers) {
      clearTimeout(timer);
    }
  }

  #event(event: StoreEvent): void {
    const held = this.#held;
    if (held !== undefined) {
      this.#held = undefined;
      const swap = held.current.key === event.current.key;
      for (const one of swap ? [event, held] : [held, event]) {
        this.#deliver(one);
      }
    } else if (this.#context.faults.reorder) {
      this.#held = event;
      this.#timers.push(setTimeout(() => this.#flush(), REORDER_WINDOW_MS));
    } else {
      this.#deliver(event);
    }
  }

  #flush(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) {
      this.#deliver(held);
    }
  }

  /** Returns the event as this watch sees it: an object that leaves the selection counts as deleted. */
  #deliver(event: StoreEvent): void {
    const { matches } = this.#request;
    const now = event.type !== 'DELETED' && matches(event.current.object);
    const before = event.previous !== undefined && matches(event.previous.object);
    if (!now && !before) {
      return;
    }
    const type: EventType = now ? (before ? 'MODIFIED' : 'ADDED') : 'DELETED';
    const sent = now ? event.current : lastMatch(event);
    this.#write(type, sent);
    if (this.#context.faults.duplicate) {
      this.#write(type, sent);
    }
  }

  #write(type: EventType, sent: Sent): void {
    if (this.#stalled) {
      return;
    }
    const event = this.#encode(type, sent);
    if (this.#context.faults.takeGarbage()) {
      this.#raw(garbage(event));
    } else if (this.#context.faults.takeTruncated()) {
      this.#response.write(event.slice(0, event.length / 2), () => this.drop());
      this.#stalled = true;
    } else {
      this.#raw(event);
    }
  }

  #encode(type: string, { object, json }: Sent): string | Buffer {
    const { protobuf, resource } = this.#request;
    return protobuf ? encodeEvent(type, encodeObject(resource, object)) : line(type, json);
  }

  #raw(event: string | Buffer): void {
    if (!this.#stalled && !this.#response.writableEnded) {
      this.#response.write(event);
    }
  }
}

/** Spoils an event of a watch; one in protobuf keeps its length. */
function garbage(event: string | Buffer): string | Buffer {
  return typeof event === 'string'
    ? `${event.slice(0, 20)}\u0000}{${event.slice(30)}`
    : Buffer.concat([event.subarray(0, 4), Buffer.alloc(event.length - 4, 255)]);
}

/** Returns the last state that matched, with the event's version: kube-apiserver sends it with DELETED. */
function lastMatch({ current, previous, rv }: StoreEvent): Sent {
  const { metadata, ...rest } = (previous ?? current).object;
  const { kind, apiVersion, ...body } = rest;
  const object = { kind, apiVersion, metadata: { ...metadata, resourceVersion: String(rv) }, ...body };
  return { object, json: JSON.stringify(object) };
}

function line(type: string, objectJson: string): string {
  return `{"type":"${type}","object":${objectJson}}\n`;
}

/** Returns `timeoutSeconds`, or a default like the real server's, which picks 30 to 60 minutes. */
export function parseTimeout(text: string | null): number {
  if (text === null) {
    return 1800;
  }
  if (!/^\d+$/.test(text)) {
    throw new ApiError(400, `strconv.ParseInt: parsing "${text}": invalid syntax`);
  }
  return Number(text) === 0 ? 1800 : Number(text);
}

/**
 * Returns `sendInitialEvents` of a watch, or undefined when the query lacks it.
 *
 * @throws {ApiError} 422 for a combination with `resourceVersionMatch` that the real server refuses
 */
export function parseInitialEvents(query: URLSearchParams): boolean | undefined {
  const text = query.get('sendInitialEvents');
  const match = query.get('resourceVersionMatch') ?? '';
  if (text === null) {
    if (match !== '') {
      throw new ApiError(
        422,
        'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      );
    }
    return undefined;
  }
  if (match !== 'NotOlderThan') {
    throw new ApiError(
      422,
      match === ''
        ? 'resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'
        : `resourceVersionMatch: Unsupported value: "${match}": supported values: "NotOlderThan"`,
    );
  }
  return text === 'true' || text === '1';
}
