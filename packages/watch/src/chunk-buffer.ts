/**
 * Joins pieces, such as an item that comes in several chunks, in one reusable buffer. Keeping the pieces would retain whole
 * chunks, and concatenating them each time would produce as much garbage as input.
 */
export class ChunkBuffer {
  #bytes: Buffer = Buffer.allocUnsafeSlow(16 * 1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Appends bytes. */
  add(bytes: Uint8Array): void {
    const size = this.#size + bytes.length;
    if (size > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(2 * size);
      this.#bytes.copy(grown, 0, 0, this.#size);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.#size);
    this.#size = size;
  }

  /** Returns the buffered bytes followed by `last`, and empties the buffer. Valid until the next add(). */
  finish(last: Buffer): Buffer {
    if (this.#size === 0) {
      return last;
    }
    this.add(last);
    return this.take();
  }

  /** Returns the buffered bytes, and empties the buffer. Valid until the next add(). */
  take(): Buffer {
    const all = this.#bytes.subarray(0, this.#size);
    this.#size = 0;
    return all;
  }
}
