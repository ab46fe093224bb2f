/** Numbers for values, given at first use and taken back with the last reference. */
export class Registry<T> {
  readonly #byKey = new Map<string, { number: number; value: T; references: number }>();
  readonly #byNumber = new Map<number, string>();
  #last = 0;

  /** Adds a reference. `added` is true for the first one. */
  acquire(value: T): { number: number; added: boolean } {
    const key = stableJson(value);
    const known = this.#byKey.get(key);
    if (known) {
      known.references++;
      return { number: known.number, added: false };
    }
    const number = ++this.#last;
    this.#byKey.set(key, { number, value, references: 1 });
    this.#byNumber.set(number, key);
    return { number, added: true };
  }

  /** Drops a reference. Returns the value if it was the last one. */
  release(number: number): T | undefined {
    const key = this.#byNumber.get(number)!;
    const known = this.#byKey.get(key)!;
    known.references--;
    if (known.references > 0) {
      return undefined;
    }
    this.#byKey.delete(key);
    this.#byNumber.delete(number);
    return known.value;
  }

  /** Returns the number of a value in use. */
  find(value: T): number | undefined {
    return this.#byKey.get(stableJson(value))?.number;
  }

  /** Returns a text that is equal for equal values, by number. */
  keyOf(number: number): string | undefined {
    return this.#byNumber.get(number);
  }
}

/** JSON with sorted keys. */
export function stableJson(value: unknown): string {
  return JSON.stringify(value, (_, field: unknown) =>
    typeof field === 'object' && field !== null && !Array.isArray(field)
      ? Object.fromEntries(Object.entries(field).sort(([a], [b]) => (a < b ? -1 : 1)))
      : field,
  );
}
