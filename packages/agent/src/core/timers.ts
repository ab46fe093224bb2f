/** Named timers, at most one of each name, so that a burst of causes has one effect. */

/** Runs `body` after `ms` milliseconds. The returned function cancels it. */
export type After = (ms: number, body: () => void) => () => void;

export class Timers<Name extends string> {
  readonly #after: After;
  readonly #cancels = new Map<Name, () => void>();
  #closed = false;

  constructor(after: After) {
    this.#after = after;
  }

  /** Does nothing when the timer runs already. */
  start(name: Name, ms: number, body: () => void): void {
    if (this.#closed || this.#cancels.has(name)) {
      return;
    }
    const cancel = this.#after(ms, () => {
      this.#cancels.delete(name);
      body();
    });
    this.#cancels.set(name, cancel);
  }

  restart(name: Name, ms: number, body: () => void): void {
    this.stop(name);
    this.start(name, ms, body);
  }

  due(name: Name): boolean {
    return this.#cancels.has(name);
  }

  stop(name: Name): void {
    this.#cancels.get(name)?.();
    this.#cancels.delete(name);
  }

  /** Stops all timers and ignores new ones. */
  close(): void {
    this.#closed = true;
    for (const name of [...this.#cancels.keys()]) {
      this.stop(name);
    }
  }

  get closed(): boolean {
    return this.#closed;
  }
}

/** Timers of Node. */
export const after: After = (ms, body) => {
  const timer = setTimeout(body, ms);
  return () => clearTimeout(timer);
};
