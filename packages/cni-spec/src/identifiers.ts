import { isIdentifier } from '#native';

export { isIdentifier };

/** libcni counts U+0085 as white space and U+FEFF not, unlike `\s`. */
const IFNAME_FORBIDDEN = /[/:\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;
/** IFNAMSIZ - 1 (linux/if.h). */
const IFNAME_BYTES = 15;

/**
 * Returns what is wrong with an interface name, or `undefined`. Valid: 1 to 15 bytes, not `.` or `..`, no
 * slash, colon or space.
 */
export function interfaceNameProblem(name: string): string | undefined {
  // Nearly every name; its characters are ASCII.
  if (name.length <= IFNAME_BYTES && isIdentifier(name)) {
    return undefined;
  }
  if (name === '') {
    return 'is empty';
  }
  if (utf8Length(name) > IFNAME_BYTES) {
    return `is longer than ${IFNAME_BYTES} bytes`;
  }
  if (name === '.' || name === '..') {
    return 'is . or ..';
  }
  if (IFNAME_FORBIDDEN.test(name)) {
    return 'contains a slash, a colon or white space';
  }
  return undefined;
}

/** Returns true for a valid name of a plugin executable: a file name, never a path. */
export function isPluginType(type: string): boolean {
  return type !== '' && type !== '.' && type !== '..' && !type.includes('/') && !type.includes('\0');
}

function utf8Length(text: string): number {
  let bytes = 0;
  for (const character of text) {
    const point = character.codePointAt(0) as number;
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
  }
  return bytes;
}
