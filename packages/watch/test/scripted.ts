/** A scripted server, and a reader that collects the changes of a watch. */
import type { Answer, Transport } from '../src/transport.ts';
import type { Change } from '../src/types.ts';

export interface Body {
  /** Sends text. */
  send(text: string): void;
  event(type: string, object: unknown): void;
  end(): void;
  breakOff(error: Error): void;
  closed: boolean;
}

/** A body written by the test; it breaks when the signal fires. */
export function body(signal?: AbortSignal): Body & AsyncIterable<Uint8Array> {
  const queue: ({ chunk: Uint8Array } | { error?: Error })[] = [];
  let wake: () => void = () => {};
  const push = (item: (typeof queue)[number]): void => {
    queue.push(item);
    wake();
  };
  const send = (text: string): void => push({ chunk: new TextEncoder().encode(text) });
  signal?.addEventListener('abort', () => push({ error: new Error('aborted') }));
  return {
    closed: false,
    send,
    event: (type, object) => send(`${JSON.stringify({ type, object })}\n`),
    end: () => push({}),
    breakOff: (error) => push({ error }),
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (queue.length === 0) {
          await new Promise<void>((done) => {
            wake = done;
          });
        }
        const item = queue.shift()!;
        if ('chunk' in item) {
          yield item.chunk;
        } else if (item.error === undefined) {
          return;
        } else {
          throw item.error;
        }
      }
    },
  };
}

export interface Asked {
  path: string;
  query: Record<string, string>;
  watch: boolean;
  signal: AbortSignal;
}

type Step = (asked: Asked) => Partial<Answer> | Promise<Partial<Answer>>;

export interface Script extends Transport {
  asked: Asked[];
  /** Responses to the next requests; the last step answers all later ones. */
  then(...steps: Step[]): Script;
}

export function script(): Script {
  const steps: Step[] = [];
  const asked: Asked[] = [];
  return {
    asked,
    // biome-ignore lint/suspicious/noThenProperty: never awaited, and it reads as what it is
    then(...more) {
      steps.push(...more);
      return this;
    },
    async get(path, signal) {
      const url = new URL(path, 'https://server');
      const query = Object.fromEntries(url.searchParams);
      const one = { path: url.pathname, query, watch: query.watch === 'true', signal };
      asked.push(one);
      const step = steps.length > 1 ? steps.shift()! : steps[0]!;
      const answer = await step(one);
      return { status: 200, body: body(signal), close: () => {}, ...answer };
    },
  };
}

export const node = (name: string, rv: number, more: Record<string, unknown> = {}) => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion: String(rv) },
  ...more,
});

/** Responds with a list of these objects. */
export const listOf =
  (rv: number, items: unknown[], token?: string): Step =>
  () => {
    const made = body();
    const metadata = { resourceVersion: String(rv), continue: token };
    made.send(JSON.stringify({ kind: 'NodeList', apiVersion: 'v1', metadata, items }));
    made.end();
    return { body: made };
  };

/** Responds to a watch with this body. */
export const stream =
  (made: Body & AsyncIterable<Uint8Array>): Step =>
  () => ({ body: made });

/** Responds with an open, silent watch that breaks when abandoned. */
export const silent: Step = ({ signal }) => ({ body: body(signal) });

export const status =
  (code: number, retryAfter?: string, text = ''): Step =>
  () => {
    const made = body();
    made.send(text);
    made.end();
    return { status: code, retryAfter, body: made };
  };

/** Reads a watch in the background; `take()` returns the changes since the last call in short form. */
export function reader<T>(changes: AsyncIterable<Change<T>>) {
  const seen: Change<T>[] = [];
  const done = (async () => {
    for await (const change of changes) {
      seen.push(change);
    }
  })();
  return {
    done,
    raw: seen,
    take: (): string[] => seen.splice(0).map(short),
  };
}

function short<T>(change: Change<T>): string {
  switch (change.type) {
    case 'synced':
      return `synced ${[...change.objects.keys()].join(' ')}`.trim();
    case 'stale':
      return `stale ${change.error.code}${change.error.status === undefined ? '' : ` ${change.error.status}`} since ${change.since}`;
    case 'fresh':
      return 'fresh';
    default:
      return `${change.type} ${change.name}`;
  }
}
