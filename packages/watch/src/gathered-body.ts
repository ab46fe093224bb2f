import type { Socket } from 'node:net';
import { ChunkBuffer } from './chunk-buffer.ts';

/** Bytes that may gather before the consumer has to take them. */
const LIMIT = 256 * 1024;

/**
 * The body of a response that is read in turns: a chunk after a pause comes at once; once all that has arrived is
 * taken, the connection is not read until `pause` ends. Chunks are valid until the next is requested.
 */
export class GatheredBody implements AsyncIterable<Uint8Array> {
  readonly #socket: Pick<Socket, 'pause' | 'resume'>;
  readonly #pause: (ended: AbortSignal) => Promise<void>;
  #gathered = new ChunkBuffer();
  /** The buffer of the chunk that the consumer holds; the two take turns. */
  #taken = new ChunkBuffer();
  readonly #end = new AbortController();
  #error: Error | undefined;
  #wake: () => void = () => undefined;

  constructor(socket: Pick<Socket, 'pause' | 'resume'>, pause: (ended: AbortSignal) => Promise<void>) {
    this.#socket = socket;
    this.#pause = pause;
  }

  /** Copies a piece that has arrived. */
  add(piece: Uint8Array): void {
    this.#gathered.add(piece);
    if (this.#gathered.size >= LIMIT) {
      // The consumer may not have begun to read.
      this.#socket.pause();
    }
    this.#wake();
  }

  /** Ends the body, after what has arrived. */
  end(error?: Error): void {
    if (!this.#end.signal.aborted) {
      this.#error = error;
      this.#end.abort();
      this.#wake();
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void> {
    const { signal } = this.#end;
    for (;;) {
      while (this.#gathered.size === 0 && !signal.aborted) {
        await new Promise<void>((done) => {
          this.#wake = done;
        });
      }
      if (this.#gathered.size === 0) {
        if (this.#error !== undefined) {
          throw this.#error;
        }
        return;
      }
      for (let before = 0; before < this.#gathered.size && this.#gathered.size < LIMIT; ) {
        before = this.#gathered.size;
        // Lets Node read what else has arrived.
        await new Promise<void>((done) => setImmediate(done));
      }
      this.#socket.pause();
      const chunk = this.#gathered.take();
      [this.#gathered, this.#taken] = [this.#taken, this.#gathered];
      yield chunk;
      if (!signal.aborted) {
        await this.#pause(signal);
        this.#socket.resume();
      }
    }
  }
}

/** Resolves after `ms`, or when the signal fires. */
export function pauseOf(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      done();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
