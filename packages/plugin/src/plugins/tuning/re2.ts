/**
 * Regular expressions in the syntax of RE2, which Go's package regexp has: https://github.com/google/re2/wiki/Syntax.
 * They are translated to JavaScript's, which differ in flags, anchors, classes and escapes.
 */
import {
  CLASSES,
  complement,
  foldedRange,
  isProperty,
  item,
  MAX_CODE_POINT,
  PERL,
  propertiesOf,
  type Ranges,
} from './re2-classes.ts';
import { Cursor } from './re2-cursor.ts';

interface Flags {
  i: boolean;
  m: boolean;
  s: boolean;
}

const MAX_REPEAT = 1000;
const CONTROL: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const CASED = ['Lu', 'Ll', 'Lt'];
const ANCHORS: Readonly<Record<string, string>> = { A: '^', z: '$', b: '\\b', B: '\\B' };

/**
 * Translates an expression of RE2. The result finds a match exactly where RE2 does; it has no capture groups, and prefers
 * no match to another.
 *
 * @throws {SyntaxError} naming the part that RE2 does not have, or JavaScript cannot express
 */
export function re2(expression: string): RegExp {
  return new RegExp(new Translation([...expression]).whole(), 'u');
}

class Translation extends Cursor {
  #flags: Flags = { i: false, m: false, s: false };

  whole(): string {
    const source = this.#alternatives();
    return this.at < this.text.length ? refuse('unexpected )', ')') : source;
  }

  #alternatives(): string {
    const all = [this.#sequence()];
    while (this.take('|')) {
      all.push(this.#sequence());
    }
    return all.join('|');
  }

  #sequence(): string {
    const atoms: string[] = [];
    let isRepeated = false;
    while (this.at < this.text.length && !this.sees('|') && !this.sees(')')) {
      const start = this.at;
      const repetition = this.#repetition();
      if (repetition === undefined) {
        atoms.push(...this.#atoms());
        isRepeated = false;
        continue;
      }
      const last = atoms.pop();
      if (last === undefined) {
        refuse('missing argument to repetition operator', this.since(start));
      }
      if (isRepeated) {
        refuse('invalid nested repetition operator', this.since(start));
      }
      atoms.push(`(?:${last})${repetition}`);
      isRepeated = true;
    }
    return atoms.join('');
  }

  /** Reads an operator such as `*` or `{2,3}`. Whether it is lazy does not matter for finding a match. */
  #repetition(): string | undefined {
    const start = this.at;
    let found = ['*', '+', '?'].find((operator) => this.take(operator));
    if (found === undefined && this.sees('{')) {
      const [whole, least = '', more, most = ''] = this.match(/^\{(\d+)(,(\d*))?\}/) ?? [];
      if (whole === undefined) {
        return undefined;
      }
      const isValid = [least, most].every((count) => Number(count) <= MAX_REPEAT);
      if (!isValid || (most !== '' && Number(most) < Number(least))) {
        refuse('invalid repeat count', this.since(start));
      }
      found = `{${least}${more === undefined ? '' : `,${most}`}}`;
    }
    if (found !== undefined) {
      this.take('?');
    }
    return found;
  }

  /** Reads literals or one class, group or anchor. The next operator repeats the last one. */
  #atoms(): string[] {
    const start = this.at;
    const char = this.next();
    switch (char) {
      case '(':
        return this.#group();
      case '[':
        return [this.#characterClass(start)];
      case '.':
        return [this.#flags.s ? '[\\s\\S]' : '[^\\n]'];
      case '^':
        return [this.#flags.m ? '(?:^|(?<=\\n))' : '^'];
      case '$':
        return [this.#flags.m ? '(?:$|(?=\\n))' : '$'];
      case '\\':
        return this.#escape(start);
      default:
        return [this.#literal(char)];
    }
  }

  #group(): string[] {
    const start = this.at - 1;
    const outer = this.#flags;
    if (this.take('?')) {
      const [name] = this.match(/^P?<[A-Za-z0-9_]+>/) ?? [];
      if (name === undefined) {
        const [whole, on = '', , off = '', end] = this.match(/^([imsU]*)(-([imsU]+))?([:)])/) ?? [];
        if (whole === undefined) {
          refuse('invalid or unsupported Perl syntax', `${this.since(start)}${this.text[this.at] ?? ''}`);
        }
        this.#flags = flagsWith(outer, on, off);
        if (end === ')') {
          return [];
        }
      }
    }
    const inner = this.#alternatives();
    if (!this.take(')')) {
      refuse('missing closing )', this.since(start));
    }
    this.#flags = outer;
    return [`(?:${inner})`];
  }

  #escape(start: number): string[] {
    const char = this.text[this.at];
    if (char === 'Q') {
      this.at++;
      return this.#quoted().map((one) => this.#literal(one));
    }
    const anchor = char === undefined || !Object.hasOwn(ANCHORS, char) ? undefined : ANCHORS[char];
    if (anchor !== undefined) {
      this.at++;
      return [anchor];
    }
    const item = this.#classEscape();
    if (item !== undefined) {
      return [`[${item}]`];
    }
    return [this.#literal(String.fromCodePoint(this.#escaped(start)))];
  }

  /** Reads the characters up to `\E`, which may be missing. */
  #quoted(): string[] {
    const start = this.at;
    while (this.at < this.text.length && !(this.sees('\\') && this.text[this.at + 1] === 'E')) {
      this.at++;
    }
    const all = this.text.slice(start, this.at);
    this.at += 2;
    return all;
  }

  /** Reads a class after a backslash, such as `d` or `p{Greek}`; returns it as an item of a class. */
  #classEscape(): string | undefined {
    const char = this.text[this.at] ?? '';
    const perl = PERL[char.toLowerCase()];
    if (perl !== undefined && Object.hasOwn(PERL, char.toLowerCase())) {
      this.at++;
      return item(char === char.toLowerCase() ? this.#folded(perl) : complement(this.#folded(perl)));
    }
    if (char !== 'p' && char !== 'P') {
      return undefined;
    }
    const start = this.at - 1;
    this.at++;
    const [, negation = '', braced] = this.match(/^\{(\^?)(\w+)\}/) ?? [];
    const name = braced ?? this.text[this.at++] ?? '';
    return this.#property(name, (char === 'P') !== (negation === '^'), this.since(start));
  }

  #property(name: string, isNegated: boolean, text: string): string {
    const kind = isNegated ? '\\P' : '\\p';
    if (this.#flags.i && CASED.includes(name)) {
      return isNegated
        ? refuse('this class cannot ignore case', text)
        : CASED.map((one) => `\\p{${one}}`).join('');
    }
    const known = propertiesOf(name).find(isProperty);
    return known === undefined ? refuse('invalid character class range', text) : `${kind}{${known}}`;
  }

  /** Reads one character after a backslash. */
  #escaped(start: number): number {
    const octal = this.match(/^(?:0[0-7]{0,2}|[1-7][0-7]{1,2})/)?.[0];
    if (octal !== undefined) {
      return Number.parseInt(octal, 8);
    }
    const [whole, short, long = short] = this.match(/^x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]+)\})/) ?? [];
    if (whole !== undefined && long !== undefined) {
      const code = Number.parseInt(long, 16);
      return code <= MAX_CODE_POINT ? code : refuse('invalid escape sequence', this.since(start));
    }
    const char = this.text[this.at];
    if (char === undefined) {
      return refuse('trailing backslash at end of expression', '\\');
    }
    const control = Object.hasOwn(CONTROL, char) ? CONTROL[char] : undefined;
    const code = control ?? (/^[^A-Za-z0-9\u0080-\u{10ffff}]$/u.test(char) ? char.codePointAt(0) : undefined);
    this.at++;
    return code ?? refuse('invalid escape sequence', this.since(start));
  }

  #characterClass(start: number): string {
    const isNegated = this.take('^');
    const items: string[] = [];
    for (let isFirst = true; isFirst || !this.sees(']'); isFirst = false) {
      if (this.at >= this.text.length) {
        refuse('missing closing ]', this.since(start));
      }
      items.push(this.#named() ?? (this.#takeEscapedClass() || this.#range()));
    }
    this.at++;
    return `[${isNegated ? '^' : ''}${items.join('')}]`;
  }

  /** Reads a class such as `[:alnum:]` or `[:^alnum:]`. */
  #named(): string | undefined {
    const [whole, negation, name = ''] = this.match(/^\[:(\^?)(\w*):\]/) ?? [];
    if (whole === undefined) {
      return undefined;
    }
    const ranges = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
    if (ranges === undefined) {
      return refuse('invalid character class range', whole);
    }
    return item(negation === '^' ? complement(this.#folded(ranges)) : this.#folded(ranges));
  }

  #takeEscapedClass(): string | undefined {
    if (!this.sees('\\')) {
      return undefined;
    }
    this.at++;
    const found = this.#classEscape();
    if (found === undefined) {
      this.at--;
    }
    return found;
  }

  #range(): string {
    const start = this.at;
    const from = this.#member();
    const after = this.text[this.at + 1];
    if (!this.sees('-') || after === ']' || after === undefined) {
      return item(this.#folded([[from, from]]));
    }
    this.at++;
    const to = this.#member();
    return to < from
      ? refuse('invalid character class range', this.since(start))
      : item(this.#folded([[from, to]]));
  }

  #member(): number {
    const start = this.at;
    const char = this.next();
    return char === '\\' ? this.#escaped(start) : (char.codePointAt(0) as number);
  }

  #literal(char: string): string {
    const code = char.codePointAt(0) as number;
    return `[${item(this.#folded([[code, code]]))}]`;
  }

  /** Adds the other cases of letters to ranges, if case does not matter. */
  #folded(ranges: Ranges): Ranges {
    return this.#flags.i ? ranges.flatMap(foldedRange) : ranges;
  }
}

function flagsWith(flags: Flags, on: string, off: string): Flags {
  const now = { ...flags };
  for (const key of ['i', 'm', 's'] as const) {
    now[key] = (now[key] || on.includes(key)) && !off.includes(key);
  }
  return now;
}

function refuse(why: string, part: string): never {
  throw new SyntaxError(`${why}: ${part}`);
}
