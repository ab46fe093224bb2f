/** Equality of JSON values. An absent key equals one whose value is undefined. */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (a === b) {
    return true;
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    return false;
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) {
      return false;
    }
    return a.every((item, at) => jsonEqual(item, b[at]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key in left) {
    // Keys of JSON may be names of Object.prototype, such as a label "constructor".
    if (!jsonEqual(left[key], Object.hasOwn(right, key) ? right[key] : undefined)) {
      return false;
    }
  }
  for (const key in right) {
    if (right[key] !== undefined && !Object.hasOwn(left, key)) {
      return false;
    }
  }
  return true;
}
