const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g;

/** An object or array that is still open. */
interface Level {
  /** Keys so far; absent in an array. */
  keys?: Set<string>;
  /** The last key of the object. */
  key: string;
}

/**
 * Returns a key that an object of a JSON text has twice. JSON.parse() keeps the last value of such a key.
 *
 * @param json a valid JSON text
 * @param path keys that lead to the object, in any case
 */
export function repeatedKey(json: string, path: readonly string[]): string | undefined {
  const wanted = path.join('\0').toLowerCase();
  const open: Level[] = [];
  let isKey = false;
  for (const [token] of json.matchAll(TOKEN)) {
    const level = open.at(-1);
    if (token === '{' || token === '[') {
      isKey = token === '{';
      open.push(isKey ? { key: '', keys: new Set() } : { key: '' });
    } else if (token === '}' || token === ']') {
      open.pop();
      isKey = false;
    } else if (token === ',') {
      isKey = level?.keys !== undefined;
    } else if (token === ':') {
      isKey = false;
    } else if (isKey && level?.keys !== undefined) {
      level.key = JSON.parse(token) as string;
      const at = open.slice(0, -1).map(({ key }) => key);
      if (level.keys.has(level.key) && at.join('\0').toLowerCase() === wanted) {
        return level.key;
      }
      level.keys.add(level.key);
    }
  }
  return undefined;
}
