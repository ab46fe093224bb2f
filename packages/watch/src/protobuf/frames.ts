import { ChunkBuffer } from '../chunk-buffer.ts';
import { unusable } from './wire.ts';

/** Each event of a watch follows its length, four bytes in network order. */
const HEAD = 4;

/** Splits a stream of bytes into the frames of a watch, buffering at most one incomplete frame of limited size. */
export class FrameSplitter {
  readonly #maxBytes: number;
  readonly #unfinished = new ChunkBuffer();
  /** Bytes of the head that have arrived. */
  #head = 0;
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Yields the frames completed by this chunk, each valid until the next is requested.
   *
   * @throws {WatchError} PROTOCOL when a frame exceeds the limit
   */
  *push(chunk: Uint8Array): Generator<Buffer, void> {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let at = 0;
    while (at < buffer.length) {
      if (this.#head < HEAD) {
        this.#length = this.#length * 256 + buffer[at]!;
        this.#head += 1;
        at += 1;
        this.#check();
        if (this.#head < HEAD || this.#length > 0) {
          continue;
        }
      }
      const end = Math.min(at + this.#length - this.#unfinished.size, buffer.length);
      const piece = buffer.subarray(at, end);
      at = end;
      if (this.#unfinished.size + piece.length < this.#length) {
        this.#unfinished.add(piece);
      } else {
        this.#head = 0;
        this.#length = 0;
        yield this.#unfinished.finish(piece);
      }
    }
  }

  #check(): void {
    if (this.#head === HEAD && this.#length > this.#maxBytes) {
      throw unusable(`The API server sent an event of more than ${this.#maxBytes} bytes`);
    }
  }
}
