/**
 * The beginning of something whose end is yet to come, in one place for all that come after each other: pieces kept by
 * themselves would each hold a whole chunk, and putting them together anew each time leaves as much garbage as is read.
 */
export class Unfinished {
  #bytes: Buffer = Buffer.allocUnsafeSlow(16 * 1024);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds these bytes. */
  add(bytes: Buffer): void {
    const size = this.#size + bytes.length;
    if (size > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(2 * size);
      this.#bytes.copy(grown, 0, 0, this.#size);
      this.#bytes = grown;
    }
    bytes.copy(this.#bytes, this.#size);
    this.#size = size;
  }

  /** What was added and these last bytes, as one, good until something is added again. */
  finish(last: Buffer): Buffer {
    if (this.#size === 0) {
      return last;
    }
    this.add(last);
    const all = this.#bytes.subarray(0, this.#size);
    this.#size = 0;
    return all;
  }
}
