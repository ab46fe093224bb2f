/** Events on their way from the kernel to one process. */
import type { KernelEvent } from '../../src/core/kernel.ts';
import type { After } from '../../src/core/timers.ts';

/** Delivers events in order, each with a small delay. */
export class Inbox implements AsyncIterable<KernelEvent> {
  readonly #after: After;
  readonly #latencyMs: () => number;
  #onTheWay: KernelEvent[] = [];
  readonly #arrived: KernelEvent[] = [];
  #wake: () => void = () => undefined;
  #pending = false;
  #closed = false;

  constructor(after: After, latencyMs: () => number) {
    this.#after = after;
    this.#latencyMs = latencyMs;
  }

  push(event: KernelEvent): void {
    this.#onTheWay.push(event);
    if (this.#pending) {
      return;
    }
    this.#pending = true;
    this.#after(this.#latencyMs(), () => {
      this.#pending = false;
      this.#arrived.push(...this.#onTheWay.splice(0));
      this.#wake();
    });
  }

  /** Drops the pending events and reports their loss (ENOBUFS). */
  overflow(): void {
    this.#onTheWay = [];
    this.push({ type: 'overflow' });
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<KernelEvent> {
    while (!this.#closed) {
      const event = this.#arrived.shift();
      if (event === undefined) {
        await new Promise<void>((done) => {
          this.#wake = done;
        });
      } else {
        yield event;
      }
    }
  }
}
