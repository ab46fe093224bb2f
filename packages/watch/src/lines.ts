import { ChunkBuffer } from './chunk-buffer.ts';
import { WatchError } from './errors.ts';

const NEWLINE = 0x0a;

/** Splits a stream of bytes into lines, buffering at most one incomplete line of limited size. */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #unfinished = new ChunkBuffer();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Yields the lines completed by this chunk, each valid until the next is requested.
   *
   * @throws {WatchError} PROTOCOL when a line exceeds the limit
   */
  *push(chunk: Uint8Array): Generator<Buffer, void> {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let at = buffer.indexOf(NEWLINE); at >= 0; at = buffer.indexOf(NEWLINE, start)) {
      this.#check(at - start);
      yield this.#unfinished.finish(buffer.subarray(start, at));
      start = at + 1;
    }
    if (start < buffer.length) {
      this.#check(buffer.length - start);
      this.#unfinished.add(buffer.subarray(start));
    }
  }

  #check(more: number): void {
    if (this.#unfinished.size + more <= this.#maxBytes) {
      return;
    }
    throw new WatchError('PROTOCOL', `The API server sent an event of more than ${this.#maxBytes} bytes`);
  }
}
