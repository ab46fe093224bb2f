import type { Clock } from './clock.ts';
import { errorFromAnswer, WatchError } from './errors.ts';
import type { Format, Formats } from './format.ts';
import { IdleTimer } from './idle-timer.ts';
import type { Answer, GetOptions, Transport } from './transport.ts';

/** Bytes of an error response that are read for the reason. */
const ERROR_BODY_LIMIT = 64 * 1024;

/** Dependencies and limits shared by list and watch. */
export interface Context {
  transport: Transport;
  clock: Clock;
  signal: AbortSignal;
  requestMs: number;
  formats: Formats;
}

/** An accepted request whose body is guarded by an idle timer. */
export interface OpenRequest {
  /** Chunks of the body; throws IDLE on timeout, CONNECT when the connection breaks. */
  chunks: AsyncIterable<Uint8Array>;
  /** How to read them. */
  format: Format;
  /** Sets the idle limit. */
  limit(ms: number): void;
  /** Releases the connection; must always be called. */
  close(): void;
}

/**
 * Sends a GET and waits for the response headers.
 *
 * @throws {WatchError} for any status other than 200, and when the server cannot be reached
 */
export async function openRequest(
  context: Context,
  path: string,
  options?: GetOptions,
): Promise<OpenRequest> {
  const { clock, transport, formats } = context;
  const own = new AbortController();
  const forward = (): void => own.abort();
  context.signal.addEventListener('abort', forward);
  let idle = false;
  let limitMs = context.requestMs;
  const timer = new IdleTimer(clock, limitMs, () => {
    idle = true;
    own.abort();
  });
  let answer: Answer | undefined;
  const close = (): void => {
    timer.stop();
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
      timer.resume();
      for await (const chunk of body) {
        timer.pause();
        yield chunk;
        timer.resume();
      }
    } catch (error) {
      throw explain(error);
    }
  }
  try {
    if (context.signal.aborted) {
      own.abort();
    }
    answer = await transport.get(path, own.signal, { ...options, accept: formats.accept });
    const format = formats.of(answer.contentType);
    const body = chunks(answer.body);
    if (answer.status !== 200) {
      const status = format.status(await start(body));
      throw errorFromAnswer(answer.status, status, answer.retryAfter, clock.now());
    }
    const limit = (ms: number): void => {
      limitMs = ms;
      timer.limit(ms);
    };
    return { chunks: body, format, limit, close };
  } catch (error) {
    close();
    throw explain(error);
  }
}

async function start(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const piece of body) {
      pieces.push(Buffer.from(piece));
      size += piece.length;
      if (size > ERROR_BODY_LIMIT) {
        break;
      }
    }
  } catch {
    // The status alone has to do.
  }
  return Buffer.concat(pieces);
}
