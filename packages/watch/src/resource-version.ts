/**
 * Compares two resource versions: decimal numbers of any length that only grow, comparable within one resource
 * (Kubernetes API concepts, "Resource versions"; KEP-5504). Returns undefined for anything else.
 */
export function compareResourceVersions(a: string, b: string): number | undefined {
  if (!isNumber(a) || !isNumber(b)) {
    return undefined;
  }
  if (a.length !== b.length) {
    return a.length - b.length;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Returns whether `a` is newer than `b`. Different versions that are not numbers count as newer, so nothing is lost. */
export function isNewer(a: string, b: string): boolean {
  const order = compareResourceVersions(a, b);
  return order === undefined ? a !== b : order > 0;
}

function isNumber(text: string): boolean {
  return /^(0|[1-9][0-9]*)$/.test(text);
}
