import { WatchError } from './errors.ts';
import { Unfinished } from './unfinished.ts';

const NEWLINE = 0x0a;

/** Splits a stream of bytes into lines, holding at most one unfinished line of limited size. */
export class LineSplitter {
  readonly #maxBytes: number;
  readonly #unfinished = new Unfinished();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that this chunk completes, each good until the next is asked for. Throws PROTOCOL for a line over the limit. */
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
