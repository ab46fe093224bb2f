import { WatchError } from './errors.ts';

const NEWLINE = 0x0a;

/** Splits a stream of bytes into lines, holding at most one unfinished line of limited size. */
export class LineSplitter {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #size = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that this chunk completes; they share its memory. Throws PROTOCOL for a line over the limit. */
  push(chunk: Uint8Array): Buffer[] {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const lines: Buffer[] = [];
    let start = 0;
    for (let at = buffer.indexOf(NEWLINE); at >= 0; at = buffer.indexOf(NEWLINE, start)) {
      this.#check(at - start);
      lines.push(this.#complete(buffer, start, at));
      start = at + 1;
    }
    if (start < buffer.length) {
      this.#check(buffer.length - start);
      this.#pieces.push(buffer.subarray(start));
      this.#size += buffer.length - start;
    }
    return lines;
  }

  #check(more: number): void {
    if (this.#size + more <= this.#maxBytes) return;
    throw new WatchError('PROTOCOL', `The API server sent an event of more than ${this.#maxBytes} bytes`);
  }

  #complete(buffer: Buffer, start: number, end: number): Buffer {
    if (this.#size === 0) return buffer.subarray(start, end);
    this.#pieces.push(buffer.subarray(start, end));
    const line = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#size = 0;
    return line;
  }
}
