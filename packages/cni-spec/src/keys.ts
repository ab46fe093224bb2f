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
 * not changed; objects come back as new ones.
 */
export function normaliseKeys(value: unknown, table: KeyTable): unknown {
  return normalised(value, table, 0);
}

/** Lists in lists, as of ranges, go no deeper in any schema. What does is refused as it is, lest it take all the stack. */
const DEEPEST_LIST = 8;

function normalised(value: unknown, table: KeyTable, depth: number): unknown {
  if (Array.isArray(value)) {
    return depth > DEEPEST_LIST ? value : value.map((element) => normalised(element, table, depth + 1));
  }
  if (typeof value !== 'object' || value === null) return value;
  const out: Record<string, unknown> = {};
  for (const [key, item] of Object.entries(value)) {
    const known = Object.hasOwn(table, key) ? key : otherSpelling(key, table);
    const entry = known === undefined ? undefined : table[known];
    if (known === undefined) setOwn(out, key, item);
    else if (item === null && entry !== 'nullable') delete out[known];
    else out[known] = entry !== null && typeof entry === 'object' ? normaliseKeys(item, entry) : item;
  }
  return out;
}

function otherSpelling(key: string, table: KeyTable): string | undefined {
  const lower = key.toLowerCase();
  for (const known in table) {
    // Lengths first: the names of schemas are ASCII, whose spellings are all of one length.
    if (known.length === lower.length && known.toLowerCase() === lower) return known;
  }
  return undefined;
}

/** Assigning `__proto__` would set the prototype; JSON.parse made it a plain key, and so must the copy. */
function setOwn(out: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') out[key] = value;
  else Object.defineProperty(out, key, { value, enumerable: true, configurable: true, writable: true });
}
