/** Character classes of RE2 as ranges of code points, and as JavaScript has them. */

/** Inclusive ranges of code points. */
export type Ranges = [from: number, to: number][];

/** The last code point of Unicode. */
export const MAX_CODE_POINT = 0x10ffff;

const DIGIT: Ranges = [[0x30, 0x39]];
const UPPER: Ranges = [[0x41, 0x5a]];
const LOWER: Ranges = [[0x61, 0x7a]];
const WORD: Ranges = [...DIGIT, ...UPPER, [0x5f, 0x5f], ...LOWER];
/** Classes such as `[:alnum:]`, by name. */
export const CLASSES: Readonly<Record<string, Ranges>> = {
  alnum: [...DIGIT, ...UPPER, ...LOWER],
  alpha: [...UPPER, ...LOWER],
  ascii: [[0, 0x7f]],
  blank: [
    [9, 9],
    [0x20, 0x20],
  ],
  cntrl: [
    [0, 0x1f],
    [0x7f, 0x7f],
  ],
  digit: DIGIT,
  graph: [[0x21, 0x7e]],
  lower: LOWER,
  print: [[0x20, 0x7e]],
  punct: [
    [0x21, 0x2f],
    [0x3a, 0x40],
    [0x5b, 0x60],
    [0x7b, 0x7e],
  ],
  space: [
    [9, 13],
    [0x20, 0x20],
  ],
  upper: UPPER,
  word: WORD,
  xdigit: [...DIGIT, [0x41, 0x46], [0x61, 0x66]],
};
const SPACE: Ranges = [
  [9, 10],
  [12, 13],
  [0x20, 0x20],
];
/** Classes such as `\d`, by letter. */
export const PERL: Readonly<Record<string, Ranges>> = { d: DIGIT, s: SPACE, w: WORD };

/** Returns the names that JavaScript may have for a Unicode class of RE2, whose names are in any case. */
export function propertiesOf(name: string): string[] {
  const title = name.slice(0, 1).toUpperCase() + name.slice(1);
  const named = [name, title].flatMap((one) => [`General_Category=${one}`, `Script=${one}`]);
  return name === 'Any' || name === 'ASCII' ? [name] : named;
}

/** Returns true when JavaScript has the Unicode property. */
export function isProperty(name: string): boolean {
  try {
    return new RegExp(`\\p{${name}}`, 'u') !== undefined;
  } catch {
    return false;
  }
}

/** Folds the case of ASCII letters in a range, and of a single other character. */
export function foldedRange([from, to]: Ranges[number]): Ranges {
  const all: Ranges = [[from, to]];
  const add = (char: string) => {
    const code = char.codePointAt(0) as number;
    if ([...char].length === 1) {
      all.push([code, code]);
    }
  };
  for (let code = Math.max(from, 0x41); code <= Math.min(to, 0x7a); code++) {
    add(String.fromCharCode(code).toUpperCase());
    add(String.fromCharCode(code).toLowerCase());
  }
  // Unicode folds the Kelvin sign to k and the long s to s.
  for (const [letter, other] of [
    ['k', 0x212a],
    ['s', 0x17f],
  ] as const) {
    if (all.some(([low, high]) => low <= letter.charCodeAt(0) && letter.charCodeAt(0) <= high)) {
      all.push([other, other]);
    }
  }
  if (from === to) {
    add(String.fromCodePoint(from).toUpperCase());
    add(String.fromCodePoint(from).toLowerCase());
  }
  return all;
}

/** Returns the code points that are in none of the ranges. */
export function complement(ranges: Ranges): Ranges {
  const rest: Ranges = [];
  let next = 0;
  for (const [from, to] of [...ranges].sort(([a], [b]) => a - b)) {
    if (from > next) {
      rest.push([next, from - 1]);
    }
    next = Math.max(next, to + 1);
  }
  return next > MAX_CODE_POINT ? rest : [...rest, [next, MAX_CODE_POINT]];
}

/** Formats ranges as the inside of a class. */
export function item(ranges: Ranges): string {
  const text = (code: number) => `\\u{${code.toString(16)}}`;
  return ranges.map(([from, to]) => (from === to ? text(from) : `${text(from)}-${text(to)}`)).join('');
}
