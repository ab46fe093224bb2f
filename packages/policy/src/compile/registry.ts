/** Numbers for values, given at first use and taken back with the last reference. */
export class Registry<T> {
  readonly #byKey = new Map<string, { number: number; value: T; references: number }>();
  readonly #byNumber = new Map<number, string>();
  readonly #keyOf: (value: T) => string;
  #last = 0;

  /** `keyOf` returns a text that is equal for equal values only. */
  constructor(keyOf: (value: T) => string = stableJson) {
    this.#keyOf = keyOf;
  }

  /** Adds a reference. `added` is true for the first one. */
  acquire(value: T): { number: number; added: boolean } {
    const key = this.#keyOf(value);
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
    return this.#byKey.get(this.#keyOf(value))?.number;
  }

  /** Returns a text that is equal for equal values, by number. */
  keyOf(number: number): string | undefined {
    return this.#byNumber.get(number);
  }
}

/** Returns JSON with sorted keys, without those of undefined fields. */
export function stableJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) {
    return JSON.stringify(value) ?? 'null';
  }
  if (Array.isArray(value)) {
    return `[${value.map(stableJson).join()}]`;
  }
  const fields: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const field = (value as Record<string, unknown>)[key];
    if (field !== undefined) {
      fields.push(`${JSON.stringify(key)}:${stableJson(field)}`);
    }
  }
  return `{${fields.join()}}`;
}
