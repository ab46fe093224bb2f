/**
 * The keys an object may have: for each, a table of its own if it (or each element of it) is an object,
 * else `null`, or `'nullable'` where a JSON null has a meaning of its own.
 *
 * Generated beside the guards as `xKeys`.
 */
export interface KeyTable {
  readonly [key: string]: KeyTable | 'nullable' | null;
}

/**
 * Spells known keys as the table does, through the whole value, and drops known keys that are null.
 *
 * Runtimes and administrators rely on Go's decoding: keys match in any case (`HostPort`, `RuntimeConfig`),
 * the last of two spellings wins, and null means absent. Unknown keys are kept as they are. The value is
 * not changed: it comes back itself if there is nothing to change, else a copy.
 */
export function normaliseKeys(value: unknown, table: KeyTable): unknown {
  return normalised(value, table, 0);
}

/** Lists in lists, as of ranges, go no deeper in any schema. What does is refused as it is, lest it take all the stack. */
const DEEPEST_LIST = 8;

function normalised(value: unknown, table: KeyTable, depth: number): unknown {
  if (Array.isArray(value)) {
    if (depth > DEEPEST_LIST) {
      return value;
    }
    const list = value.map((element) => normalised(element, table, depth + 1));
    return list.some((element, i) => element !== value[i]) ? list : value;
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  // Nearly every configuration is spelled as it should be.
  const given = value as Record<string, unknown>;
  for (const key in given) {
    const known = knownSpelling(key, table);
    if (known !== undefined && (known !== key || replaced(given[key], table[known]) !== given[key])) {
      return rebuilt(given, table);
    }
  }
  return value;
}

/** What a known key's value becomes: undefined if the key goes. */
function replaced(item: unknown, entry: KeyTable[string] | undefined): unknown {
  if (item === null && entry !== 'nullable') {
    return undefined;
  }
  return entry !== null && typeof entry === 'object' ? normaliseKeys(item, entry) : item;
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
    // Lengths first: the names of schemas are ASCII, whose spellings are all of one length.
    if (known.length === lower.length && known.toLowerCase() === lower) {
      return known;
    }
  }
  return undefined;
}

/** Assigning `__proto__` would set the prototype; JSON.parse made it a plain key, and so must the copy. */
function setOwn(out: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') {
    out[key] = value;
  } else {
    Object.defineProperty(out, key, { value, enumerable: true, configurable: true, writable: true });
  }
}
