import type { Family } from '@cnikit/ip';
import { canonicalAddress } from '../address.ts';
import type { Option } from '../argv.ts';
import { IptablesError } from '../errors.ts';

/** Context of the spelling of a value. */
export interface Context {
  readonly family: Family;
  /** The option is negated. */
  readonly not?: boolean;
}

/**
 * Spells the values of an option as iptables-save does. Returns `null` for a default value, which is not
 * printed, and `undefined` for an unknown value, which stays as it is.
 */
export type Spell = (values: readonly string[], context: Context) => readonly string[] | null | undefined;

/** An extension. */
export interface ExtensionSpec {
  /** In the order of iptables-save. */
  readonly options: Readonly<Record<string, Spell>>;
  /** Other names of the options. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Options that are printed even when the rule does not contain them. */
  readonly defaults?: (
    context: Context,
    has: (name: string) => boolean,
  ) => Readonly<Record<string, readonly string[]>>;
  /** Expands a shorthand option. */
  readonly rewrite?: (option: Option, context: Context) => readonly Option[] | undefined;
  /** Options that iptables mixes, or drops, when a rule has several. Such a rule is refused. */
  readonly alone?: readonly string[];
  /** Options that exclude each other: iptables accepts them together and keeps the last. */
  readonly exclusive?: readonly string[];
  /** Counts packets or is random, so that its place among the matches matters. */
  readonly stateful?: true;
}

/** A flag without a value. */
export const flag: Spell = (values) => (values.length === 0 ? values : undefined);

/** Values that are printed as written. */
export const asIs: Spell = (values) => values;

/** Spells an option with one value. */
export const one =
  (spell: (value: string, context: Context) => string | null | undefined): Spell =>
  (values, context) => {
    if (values.length !== 1) {
      return undefined;
    }
    const spelled = spell(values[0] as string, context);
    return spelled === undefined || spelled === null ? spelled : [spelled];
  };

/** XT_MAX_COMMENT_LEN (256) minus the NUL: the kernel cuts longer comments (linux/netfilter/xt_comment.h). */
const MAX_COMMENT_BYTES = 255;

/** A comment, printed as written. */
export const comment: Spell = one((text) => {
  const length = encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd')).replace(/%../g, '.').length;
  if (length > MAX_COMMENT_BYTES) {
    throw new IptablesError(
      'INVALID',
      `Comment too long: ${length} bytes, maximum ${MAX_COMMENT_BYTES}: "${text}"`,
    );
  }
  return text;
});

/** Parses 32 bits in decimal, hexadecimal (`0x`) or octal (leading zero), as strtoul(3) with base 0. */
export function parseU32(text: string): number | undefined {
  const number = /^0x[\da-f]{1,8}$/i.test(text)
    ? Number.parseInt(text, 16)
    : /^0[0-7]*$/.test(text)
      ? Number.parseInt(text, 8)
      : /^[1-9]\d{0,9}$/.test(text)
        ? Number(text)
        : Number.NaN;
  return number <= 0xffffffff ? number : undefined;
}

/** A number in decimal. */
export const decimal: Spell = one((text) => {
  const value = parseU32(text);
  return value === undefined ? undefined : String(value);
});

/**
 * Spells `first:last` in decimal, where either may be missing, and one number for a range of one.
 *
 * @returns `undefined` for anything else, such as the name of a service
 */
function spellRange(text: string, max: number): string | undefined {
  const [from = '', to, more] = text.split(':');
  const parse = (part: string, missing: number) =>
    part === '' && to !== undefined ? missing : parseU32(part);
  const first = parse(from, 0);
  const last = to === undefined ? first : parse(to, max);
  if (first === undefined || last === undefined || more !== undefined || !(first <= last && last <= max)) {
    return undefined;
  }
  return first === last ? String(first) : `${first}:${last}`;
}

/** Ports are decimal also with a leading zero. */
const spellPort = (text: string): string | undefined =>
  /^\d{0,5}(:\d{0,5})?$/.test(text)
    ? spellRange(
        text.replace(/\d+/g, (digits) => String(Number(digits))),
        65_535,
      )
    : undefined;

/** Throws for a negation of everything: it matches no packet, and iptables-save prints it as if it matched all. */
function refuseNothing(written: string): never {
  throw new IptablesError(
    'INVALID',
    `"! ${written}" matches no packet, and iptables-save prints it like a match of all. Remove the rule`,
  );
}

/** A port or a range `first:last`; the range of all ports is not printed. */
export const port: Spell = one((text, { not }) => {
  const spelled = spellPort(text);
  if (spelled === '0:65535') {
    return not ? refuseNothing(text) : null;
  }
  // The nft backend prints the ports behind a negated range that starts at 0.
  return not && spelled?.startsWith('0:') ? undefined : spelled;
});

/** A port or a range `first:last`, printed also when it is the range of all ports. */
export const anyPort: Spell = one(spellPort);

/** A number or a range `first:last` up to `max`. */
export const range = (max: number): Spell => one((text) => spellRange(text, max));

/** Ports and ranges, in the order written. */
export const ports: Spell = one((text) => {
  const spelled = text.split(',').map(spellPort);
  return spelled.includes(undefined) ? undefined : spelled.join(',');
});

/** A set of names, printed in the order of the kernel's bits. */
export const setOf = (order: string): Spell => {
  const names = order.split(' ');
  return one((text) => {
    const given = text.toUpperCase().split(',');
    if (given.some((name) => !names.includes(name))) {
      return undefined;
    }
    return names.filter((name) => given.includes(name)).join(',');
  });
};

/** A name with a canonical spelling in `table`, or a canonical spelling itself. */
export const named = (table: Readonly<Record<string, string>>): Spell => {
  const canonical = new Set(Object.values(table));
  return one((text) => {
    const lower = text.toLowerCase();
    return Object.hasOwn(table, lower) ? table[lower] : canonical.has(text) ? text : undefined;
  });
};

/** A value that is not printed when it is the default. */
export const unless =
  (value: string, spell: Spell): Spell =>
  (values, context) => {
    const spelled = spell(values, context);
    return spelled?.length === 1 && spelled[0] === value ? null : spelled;
  };

/** An address without prefix length. */
export const address: Spell = one((text, { family }) => canonicalAddress(text, family));

const RATES = [
  ['day', 86_400],
  ['hour', 3600],
  ['min', 60],
  ['sec', 1],
] as const;

/** Ticks of xt_limit in a second (XT_LIMIT_SCALE in linux/netfilter/xt_limit.h). */
const LIMIT_SCALE = 10_000;

/**
 * `n[/unit]`. The kernel stores the interval between packets; iptables-save prints the smallest unit that
 * fits.
 */
export const rate: Spell = one((text) => {
  const parsed = /^(\d+)(?:\/([a-z]+))?$/i.exec(text);
  if (parsed === null) {
    return undefined;
  }
  const unit = RATES.find(([name]) => {
    const wanted = (parsed[2] ?? 'sec').toLowerCase();
    return `${name === 'min' ? 'minute' : name === 'sec' ? 'second' : name}`.startsWith(wanted);
  });
  if (unit === undefined || Number(parsed[1]) === 0) {
    return undefined;
  }
  const period = Math.floor((unit[1] * LIMIT_SCALE) / Number(parsed[1]));
  if (period === 0) {
    return undefined;
  }
  let printed: readonly [string, number] = RATES[0];
  for (const candidate of RATES.slice(1)) {
    const length = candidate[1] * LIMIT_SCALE;
    if (period > length || Math.floor(length / period) < length % period) {
      break;
    }
    printed = candidate;
  }
  return `${Math.floor((printed[1] * LIMIT_SCALE) / period)}/${printed[0]}`;
});

/** A probability, which the kernel stores in 31 bits and iptables-save prints with 11 digits. */
export const probability: Spell = one((text) => {
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) {
    return undefined;
  }
  return (Math.round(value * 0x80000000) / 0x80000000).toFixed(11);
});

const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'];

/** The two lists of `--tcp-flags`: the examined flags and the set flags. */
export const tcpFlags: Spell = (values, { not }) => {
  if (values.every((list) => list.toUpperCase() === 'NONE')) {
    return not ? refuseNothing('--tcp-flags NONE NONE') : undefined;
  }
  const spelled = values.map((list) => {
    const given = list.toUpperCase().split(',');
    if (given[0] === 'ALL') {
      return TCP_FLAGS.join(',');
    }
    if (given[0] === 'NONE') {
      return 'NONE';
    }
    if (given.some((name) => !TCP_FLAGS.includes(name))) {
      return undefined;
    }
    return TCP_FLAGS.filter((name) => given.includes(name)).join(',');
  });
  return spelled.length !== 2 || spelled.includes(undefined) ? undefined : (spelled as string[]);
};
