/** JSON text without what nobody needs of it: most of a large object is then never made. */

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/**
 * JSON text in which the values of these keys, wherever they are, have become null. What is no JSON stays none: only
 * within a value that goes it may remain unnoticed, as long as its brackets and strings are closed.
 */
export function omitKeys(text: string, keys: readonly string[]): string {
  let rest = text;
  for (const key of keys) rest = omitKey(rest, `"${key}":`);
  return rest;
}

/** `key` with its quotes and colon can be nothing but a key: within a string its quotes would be escaped. */
function omitKey(text: string, key: string): string {
  let kept = '';
  let from = 0;
  for (let at = text.indexOf(key); at >= 0; at = text.indexOf(key, at)) {
    at += key.length;
    // The end of a longer key, which has an escaped quote in it.
    if (text.charCodeAt(at - key.length - 1) === BACKSLASH) continue;
    const end = endOfValue(text, at);
    // JSON.parse has the words for what is wrong.
    if (end < 0) return text;
    kept += `${text.slice(from, at)}null`;
    from = at = end;
  }
  return from === 0 ? text : kept + text.slice(from);
}

/** Where the value that begins here is over; -1 when it is not. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        if (at < 0) return -1;
        if (depth === 0) return at + 1;
        break;
      case OPEN_BRACE:
      case OPEN_BRACKET:
        depth += 1;
        break;
      case CLOSE_BRACE:
      case CLOSE_BRACKET:
        if (depth === 0) return at;
        depth -= 1;
        if (depth === 0) return at + 1;
        break;
      case COMMA:
        if (depth === 0) return at;
    }
  }
  return -1;
}

/** The closing quote of the string that is opened here; -1 without one. */
function endOfString(text: string, open: number): number {
  for (let at = text.indexOf('"', open + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes += 1;
    if (escapes % 2 === 0) return at;
  }
  return -1;
}
