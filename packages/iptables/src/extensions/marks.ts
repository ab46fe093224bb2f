import type { Option } from '../argv.ts';
import { one, parseU32, type Spell } from './values.ts';

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`;

/** `value[/mask]` in hexadecimal; a full mask is not printed. */
export const mark: Spell = one((text) => {
  const parsed = parseMark(text);
  if (parsed === undefined) {
    return undefined;
  }
  return parsed.mask === 0xffffffff ? hex(parsed.value) : `${hex(parsed.value)}/${hex(parsed.mask)}`;
});

/** `value/mask`, both always printed. */
export const markAndMask: Spell = one((text) => {
  const parsed = parseMark(text);
  return parsed === undefined ? undefined : `${hex(parsed.value)}/${hex(parsed.mask)}`;
});

/** A mask in hexadecimal. */
export const hexadecimal: Spell = one((text) => {
  const value = parseU32(text);
  return value === undefined ? undefined : hex(value);
});

/** A number in hexadecimal with `digits` digits. */
export const padded = (digits: number): Spell =>
  one((text) => {
    const value = parseU32(text);
    return value === undefined ? undefined : `0x${value.toString(16).padStart(digits, '0')}`;
  });

/** Parses `value[/mask]`. */
export function parseMark(text: string): { value: number; mask: number } | undefined {
  const [first, second, third] = text.split('/');
  const value = parseU32(first ?? '');
  const mask = second === undefined ? 0xffffffff : parseU32(second);
  return value === undefined || mask === undefined || third !== undefined ? undefined : { value, mask };
}

/**
 * Expands a shorthand of MARK and CONNMARK to `--set-xmark value/mask`, which clears the bits of `mask` and
 * then flips those of `value` (iptables-extensions(8)).
 */
export function rewriteMark(option: Option): readonly Option[] | undefined {
  const parsed = parseMark(option.values[0] ?? '');
  if (parsed === undefined) {
    return undefined;
  }
  const { value, mask } = parsed;
  const xmark = (v: number, m: number) => [
    { ...option, name: '--set-xmark', values: [`${hex(v)}/${hex(m)}`] },
  ];
  if (option.name === '--set-mark') {
    return xmark(value, mask | value);
  }
  if (option.name === '--or-mark') {
    return xmark(value, value);
  }
  if (option.name === '--and-mark') {
    return xmark(0, ~value);
  }
  if (option.name === '--xor-mark') {
    return xmark(value, 0);
  }
  if (option.name === '--mask') {
    return ['--nfmask', '--ctmask'].map((name) => ({ ...option, name, values: [hex(value)] }));
  }
  return undefined;
}
