/**
 * A model of the API server behind the transport of @cnikit/watch: Nodes, their history, paged lists,
 * watches, and faults of each. The watch itself is real.
 */
import { type Answer, type Transport, WatchError } from '@cnikit/watch';
import type { Random } from './random.ts';
import type { VirtualTime } from './time.ts';

/** The fields of a Node object. */
export interface ApiNode {
  name: string;
  uid: string;
  created: string;
  podCIDRs: string[];
  internalIPs: string[];
  networkUnavailable?: 'True' | 'False';
  /** Changes with each status update of the kubelet. */
  beat: number;
}

interface Stored extends ApiNode {
  rv: number;
  /** JSON of this version, cached. */
  json?: string;
}

interface HistoryEvent {
  rv: number;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  node: Stored;
  previous?: Stored;
}

interface Failure {
  status: number;
  retryAfter?: string;
}

const BOOKMARK_MS = 60_000;

export class SimulatedApi {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #nodes = new Map<string, Stored>();
  readonly #streams = new Set<Stream>();
  readonly #snapshots = new Map<string, Stored[]>();
  #history: HistoryEvent[] = [];
  #rv = 1000;
  #compacted = 1000;
  #serial = 0;
  /** Connections are refused. */
  away = false;
  /** Connections are accepted and never answered. */
  mute = false;
  /** Responses to the next requests. */
  failures: Failure[] = [];
  /** Number of watch events or lists that are still to be damaged. */
  garbage = 0;
  halves = 0;
  /** Events are sent twice. */
  twice = false;
  /** Number of events before its resource version that a watch starts with. */
  replay = 0;
  /** Number of events that the cache behind a first list lags. */
  lag = 0;
  /** Total number of requests. */
  requests = 0;

  constructor(time: VirtualTime, random: Random) {
    this.#time = time;
    this.#random = random;
  }

  nodes(): IterableIterator<ApiNode> {
    return this.#nodes.values();
  }

  get(name: string): ApiNode | undefined {
    return this.#nodes.get(name);
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** Returns the node at this index, modulo their number: for histories that choose by number. */
  pick(at: number): ApiNode | undefined {
    return [...this.#nodes.values()][at % Math.max(1, this.#nodes.size)];
  }

  /** Creates or changes a node. A change keeps uid and creation time. */
  put(node: Omit<ApiNode, 'uid' | 'created' | 'beat'> & { beat?: number }): void {
    const previous = this.#nodes.get(node.name);
    const stored: Stored = {
      ...node,
      uid: previous?.uid ?? `uid-${++this.#serial}`,
      created: previous?.created ?? this.#time.stamp(),
      beat: node.beat ?? previous?.beat ?? 0,
      rv: ++this.#rv,
    };
    this.#nodes.set(node.name, stored);
    this.#publish({
      rv: stored.rv,
      type: previous === undefined ? 'ADDED' : 'MODIFIED',
      node: stored,
      previous,
    });
  }

  delete(name: string): void {
    const previous = this.#nodes.get(name);
    if (previous === undefined) {
      return;
    }
    this.#nodes.delete(name);
    const { json: _, ...node } = previous;
    this.#publish({ rv: ++this.#rv, type: 'DELETED', node: { ...node, rv: this.#rv }, previous });
  }

  /** Updates the status of a node without a change that matters. */
  heartbeat(name: string): void {
    const node = this.#nodes.get(name);
    if (node !== undefined) {
      this.put({ ...bare(node), beat: node.beat + 1 });
    }
  }

  /** The agent's only write. Rejects while the API is unreachable. */
  async clearNetworkUnavailable(name: string): Promise<void> {
    await new Promise<void>((done) => this.#time.after(this.#latencyMs(), done));
    const node = this.#nodes.get(name);
    if (this.away || this.mute || node === undefined) {
      throw new Error('the model cannot do that now');
    }
    this.put({ ...bare(node), networkUnavailable: 'False' });
  }

  /** Cuts every watch. */
  cut(): void {
    for (const stream of this.#streams) {
      stream.breakOff();
    }
  }

  /** Makes every open watch hang: no data, no end. */
  stall(): void {
    for (const stream of this.#streams) {
      stream.stalled = true;
    }
  }

  /** Forgets the history. */
  compact(): void {
    this.#compacted = ++this.#rv;
    this.#history = [];
    this.#snapshots.clear();
  }

  /** True during a fault other than being unreachable. */
  get troubled(): boolean {
    const stalled = [...this.#streams].some((stream) => stream.stalled);
    return this.mute || stalled || this.failures.length + this.garbage + this.halves > 0;
  }

  /** Ends every current fault. */
  heal(): void {
    this.away = false;
    this.mute = false;
    this.twice = false;
    this.failures = [];
    this.garbage = 0;
    this.halves = 0;
    this.replay = 0;
    this.lag = 0;
    for (const stream of this.#streams) {
      if (stream.stalled) {
        stream.breakOff();
      }
    }
  }

  readonly transport: Transport = {
    get: async (path, signal) => {
      this.requests++;
      await this.#answerable(signal);
      const body = new Body(signal);
      if (this.away) {
        throw new WatchError('CONNECT', 'the model refuses connections', { unreached: true });
      }
      const failure = this.failures.shift();
      if (failure !== undefined) {
        body.send('{}');
        body.end();
        return { ...failure, body, close: () => undefined };
      }
      const { searchParams: query } = new URL(path, 'https://model');
      return query.get('watch') === 'true' ? this.#watch(query, body) : this.#list(query, body);
    },
  };

  /** A server that accepts connections and never answers: only the client's timeout ends the request. */
  #answerable(signal: AbortSignal): Promise<void> {
    return new Promise((done, fail) => {
      const cancel = this.mute ? () => undefined : this.#time.after(this.#latencyMs(), done);
      signal.addEventListener('abort', () => {
        cancel();
        fail(new Error('aborted'));
      });
    });
  }

  #latencyMs(): number {
    return this.#random.whole(0, 5);
  }

  #list(query: URLSearchParams, body: Body): Answer {
    const answer = { status: 200, body, close: () => undefined };
    const limit = Number(query.get('limit') ?? 0);
    const token = query.get('continue');
    let [rv, offset] = [this.#rv, 0];
    let items: Stored[] | undefined;
    if (token === null) {
      const wanted = query.get('resourceVersion');
      if (Number(wanted) > this.#rv) {
        return this.#tooLarge(answer);
      }
      // A lagging cache waits until it is new enough.
      const behind = wanted === '0' ? Math.min(this.lag, this.#history.length) : 0;
      items = this.#asOf(behind);
      if (behind > 0) {
        rv = this.#history.at(-behind - 1)?.rv ?? this.#compacted;
      }
    } else {
      [rv, offset] = token.split(':').map(Number) as [number, number];
      items = this.#snapshots.get(String(rv));
      if (items === undefined) {
        return this.#expired(answer);
      }
    }
    const end = limit === 0 ? items.length : offset + limit;
    const more = end < items.length;
    if (more) {
      this.#snapshots.set(String(rv), items);
    }
    const metadata = { resourceVersion: String(rv), ...(more ? { continue: `${rv}:${end}` } : {}) };
    const text = `{"kind":"NodeList","metadata":${JSON.stringify(metadata)},"items":[${items
      .slice(offset, end)
      .map(json)
      .join(',')}]}`;
    if (!this.#damaged(text, body)) {
      body.send(text);
      body.end();
    }
    return answer;
  }

  #watch(query: URLSearchParams, body: Body): Answer {
    const stream = new Stream(body);
    const answer = { status: 200, body, close: () => this.#streams.delete(stream) };
    const rv = Number(query.get('resourceVersion'));
    if (rv < this.#compacted) {
      if (this.#random.chance(0.5)) {
        return this.#expired(answer);
      }
      stream.send(`{"type":"ERROR","object":{"kind":"Status","code":410}}\n`);
      body.end();
      return answer;
    }
    this.#streams.add(stream);
    const missed = this.#history.findIndex((event) => event.rv > rv);
    const from = missed < 0 ? this.#history.length : missed;
    for (const event of this.#history.slice(Math.max(0, from - this.replay))) {
      this.#send(stream, event);
    }
    const bookmark = (): void =>
      stream.send(`{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"${this.#rv}"}}}\n`);
    const tick = (): void => {
      if (!this.#streams.has(stream)) {
        return;
      }
      bookmark();
      this.#time.after(BOOKMARK_MS, tick);
    };
    this.#time.after(BOOKMARK_MS, tick);
    this.#time.after(Number(query.get('timeoutSeconds')) * 1000, () => {
      if (!this.#streams.delete(stream) || stream.stalled) {
        return;
      }
      bookmark();
      body.end();
    });
    return answer;
  }

  #expired(answer: Answer & { body: Body }): Answer {
    answer.body.send('{"kind":"Status","code":410}');
    answer.body.end();
    return { ...answer, status: 410 };
  }

  #tooLarge(answer: Answer & { body: Body }): Answer {
    answer.body.send(
      '{"kind":"Status","code":504,"details":{"causes":[{"reason":"ResourceVersionTooLarge"}]}}',
    );
    answer.body.end();
    return { ...answer, status: 504 };
  }

  #publish(event: HistoryEvent): void {
    this.#history.push(event);
    for (const stream of this.#streams) {
      this.#send(stream, event);
    }
  }

  #send(stream: Stream, { type, node }: HistoryEvent): void {
    const line = `{"type":"${type}","object":${json(node)}}\n`;
    if (stream.stalled) {
      return;
    }
    if (this.#damaged(line, stream.body)) {
      this.#streams.delete(stream);
      return;
    }
    stream.send(line);
    if (this.twice) {
      stream.send(line);
    }
  }

  /** Sends a damaged response if one is due. */
  #damaged(text: string, body: Body): boolean {
    if (this.garbage > 0) {
      this.garbage--;
      body.send(`${text.slice(0, 12)}}{\u0000${text.slice(20)}`);
      body.end();
      return true;
    }
    if (this.halves > 0) {
      this.halves--;
      body.send(text.slice(0, text.length >> 1));
      body.breakOff();
      return true;
    }
    return false;
  }

  /** Returns the nodes as they were this many events ago. */
  #asOf(behind: number): Stored[] {
    if (behind === 0) {
      return [...this.#nodes.values()];
    }
    const nodes = new Map(this.#nodes);
    for (const { node, previous } of this.#history.slice(-behind).reverse()) {
      if (previous === undefined) {
        nodes.delete(node.name);
      } else {
        nodes.set(node.name, previous);
      }
    }
    return [...nodes.values()];
  }
}

function bare({ name, podCIDRs, internalIPs, networkUnavailable }: ApiNode) {
  return { name, podCIDRs, internalIPs, ...(networkUnavailable && { networkUnavailable }) };
}

/** A v1.Node. */
function json(node: Stored): string {
  node.json ??= JSON.stringify({
    metadata: {
      name: node.name,
      uid: node.uid,
      resourceVersion: String(node.rv),
      creationTimestamp: node.created,
    },
    spec: { podCIDR: node.podCIDRs[0], podCIDRs: node.podCIDRs },
    status: {
      addresses: node.internalIPs.map((address) => ({ type: 'InternalIP', address })),
      conditions: [
        { type: 'Ready', status: 'True', lastHeartbeatTime: node.beat },
        ...(node.networkUnavailable ? [{ type: 'NetworkUnavailable', status: node.networkUnavailable }] : []),
      ],
    },
  });
  return node.json;
}

/** An open watch. */
class Stream {
  readonly body: Body;
  stalled = false;

  constructor(body: Body) {
    this.body = body;
  }

  send(text: string): void {
    if (!this.stalled) {
      this.body.send(text);
    }
  }

  breakOff(): void {
    this.body.breakOff();
  }
}

/** The body of a response. It ends when its reader cancels. */
class Body implements AsyncIterable<Uint8Array> {
  readonly #queue: (Uint8Array | 'end' | 'broken')[] = [];
  #wake: () => void = () => undefined;

  constructor(signal: AbortSignal) {
    signal.addEventListener('abort', () => this.breakOff());
  }

  send(text: string): void {
    this.#push(Buffer.from(text));
  }

  end(): void {
    this.#push('end');
  }

  breakOff(): void {
    this.#push('broken');
  }

  #push(item: Uint8Array | 'end' | 'broken'): void {
    this.#queue.push(item);
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const item = this.#queue.shift();
      if (item === 'end') {
        return;
      }
      if (item === 'broken') {
        throw new Error('connection reset by the model');
      }
      if (item === undefined) {
        await new Promise<void>((done) => {
          this.#wake = done;
        });
      } else {
        yield item;
      }
    }
  }
}
