import type { Clock } from './clock.ts';
import { errorFromAnswer, WatchError } from './errors.ts';
import type { Fields } from './fields.ts';
import type { Answer, Transport } from './transport.ts';
import { Watchdog } from './watchdog.ts';

/** Of a body that is only read for the server's reason. */
const ERROR_BODY_LIMIT = 64 * 1024;

/** What list and watch need of the world. */
export interface Context {
  transport: Transport;
  clock: Clock;
  signal: AbortSignal;
  requestMs: number;
  maxObjectBytes: number;
  /** Of objects, what is wanted; undefined: all. */
  fields: Fields | undefined;
}

/** A request under a watchdog. */
export interface Attempt {
  /** The body's chunks; throws IDLE after too much silence, CONNECT when the connection breaks. */
  chunks: AsyncIterable<Uint8Array>;
  /** Changes how much silence is too much. */
  limit(ms: number): void;
  /** Must be called, however the attempt went. */
  close(): void;
}

/** GET, up to an answer of status 200; every other one is thrown as WatchError. */
export async function attempt(context: Context, path: string): Promise<Attempt> {
  const { clock, transport } = context;
  const own = new AbortController();
  const forward = (): void => own.abort();
  context.signal.addEventListener('abort', forward);
  let idle = false;
  let limitMs = context.requestMs;
  const dog = new Watchdog(clock, limitMs, () => {
    idle = true;
    own.abort();
  });
  let answer: Answer | undefined;
  const close = (): void => {
    dog.stop();
    context.signal.removeEventListener('abort', forward);
    answer?.close();
  };
  const explain = (error: unknown): WatchError => {
    if (idle) {
      return new WatchError('IDLE', `The API server sent nothing for ${limitMs / 1000} seconds`);
    }
    if (error instanceof WatchError) {
      return error;
    }
    const cause = error as Error;
    return new WatchError('CONNECT', `The connection to the API server broke: ${cause.message}`, { cause });
  };
  async function* chunks(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      dog.wait();
      for await (const chunk of body) {
        dog.feed();
        yield chunk;
        dog.wait();
      }
    } catch (error) {
      throw explain(error);
    }
  }
  try {
    if (context.signal.aborted) {
      own.abort();
    }
    answer = await transport.get(path, own.signal);
    const body = chunks(answer.body);
    if (answer.status !== 200) {
      throw errorFromAnswer(answer.status, await text(body), answer.retryAfter, clock.now());
    }
    const limit = (ms: number): void => {
      limitMs = ms;
      dog.limit(ms);
    };
    return { chunks: body, limit, close };
  } catch (error) {
    close();
    throw explain(error);
  }
}

async function text(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const piece of body) {
      pieces.push(piece);
      size += piece.length;
      if (size > ERROR_BODY_LIMIT) {
        break;
      }
    }
  } catch {
    // The status says enough.
  }
  return Buffer.concat(pieces).toString('utf8');
}
