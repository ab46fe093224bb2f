import { hasNormalKeys, lacksKeys } from '#native';

export { lacksKeys };

/**
 * The keys of an object. The value is the table of the nested object (or of each element), `'nullable'` for a
 * key that may be null, else `null`. Generated with the guards as `xKeys`.
 */
export interface KeyTable {
  readonly [key: string]: KeyTable | 'nullable' | null;
}

/**
 * Normalises the spelling of known keys in the whole value and drops known keys that are null.
 *
 * Runtimes and administrators rely on Go's decoding: keys match in any case (`HostPort`, `RuntimeConfig`),
 * the last of two spellings wins, and null means absent. Unknown keys stay. Returns the value itself if
 * nothing changes, else a copy.
 */
export function normaliseKeys(value: unknown, table: KeyTable): unknown {
  return hasNormalKeys(value, table) ? value : normalised(value, table, 0);
}

/**
 * No schema nests lists more deeply. Deeper values stay as they are, to bound the recursion; the guard
 * refuses them.
 */
const MAX_LIST_DEPTH = 8;

function normalised(value: unknown, table: KeyTable, depth: number): unknown {
  if (Array.isArray(value)) {
    if (depth > MAX_LIST_DEPTH) {
      return value;
    }
    const list = value.map((element) => normalised(element, table, depth + 1));
    return list.some((element, i) => element !== value[i]) ? list : value;
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  // The usual case: nothing to change.
  const given = value as Record<string, unknown>;
  for (const key in given) {
    const known = knownSpelling(key, table);
    if (known !== undefined && (known !== key || replaced(given[key], table[known]) !== given[key])) {
      return rebuilt(given, table);
    }
  }
  return value;
}

/** Returns the new value of a known key, or `undefined` to drop the key. */
function replaced(item: unknown, entry: KeyTable[string] | undefined): unknown {
  if (item === null && entry !== 'nullable') {
    return undefined;
  }
  return entry !== null && typeof entry === 'object' ? normalised(item, entry, 0) : item;
}

function rebuilt(given: Record<string, unknown>, table: KeyTable): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(given)) {
    const known = knownSpelling(key, table);
    const becomes = known === undefined ? item : replaced(item, table[known]);
    if (known !== undefined && becomes === undefined) {
      delete out[known];
    } else {
      setOwn(out, known ?? key, becomes);
    }
  }
  return out;
}

function knownSpelling(key: string, table: KeyTable): string | undefined {
  return Object.hasOwn(table, key) ? key : otherSpelling(key, table);
}

function otherSpelling(key: string, table: KeyTable): string | undefined {
  const lower = key.toLowerCase();
  for (const known in table) {
    // Keys of schemas are ASCII, so all spellings have the same length.
    if (known.length === lower.length && known.toLowerCase() === lower) {
      return known;
    }
  }
  return undefined;
}

/** Sets an own property. Assigning `__proto__` would set the prototype. */
function setOwn(out: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(out, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    out[key] = value;
  }
}
