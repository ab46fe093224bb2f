import fc from 'fast-check';
import { MATCHES } from './extension-matches.ts';
import { TARGETS } from './extension-targets.ts';
import type { ExtensionCase } from './extension-values.ts';

/** Every extension of iptables 1.8.9. */
export const EXTENSIONS: readonly ExtensionCase[] = [...MATCHES, ...TARGETS];

/** Options whose value may contain spaces. */
const ONE_VALUE = new Set(
  '--comment --log-prefix --nflog-prefix --string --hex-string --u32 --bytecode --helper'.split(' '),
);

function optionArgv(name: string, value: string, not: boolean): string[] {
  const values = ONE_VALUE.has(name) ? [value] : value.split(' ').filter((word) => word !== '');
  return [...(not ? ['!'] : []), name, ...values];
}

/** Returns the argv of a rule with the options that `choose` picks: each with a value and its negation. */
function ruleOf(one: ExtensionCase, options: readonly (readonly string[])[]): string[] {
  const words = (text = '') => text.split(' ').filter((word) => word !== '');
  const head = words(one.before);
  const flag = one.kind === 'match' ? '-m' : '-j';
  return [...head, flag, one.name, ...words(one.always), ...options.flat()];
}

/** Returns a rule for every value of every option of an extension, plain and negated. */
export function everyValue(one: ExtensionCase): string[][] {
  const rules = [ruleOf(one, [])];
  for (const [key, values] of Object.entries(one.options)) {
    const name = key.replace('!', '');
    for (const value of values) {
      rules.push(ruleOf(one, [optionArgv(name, value, false)]));
      if (key.startsWith('!')) {
        rules.push(ruleOf(one, [optionArgv(name, value, true)]));
      }
    }
  }
  return rules;
}

/** Generates a rule with some options of an extension, in any order. */
export function someOptions(one: ExtensionCase): fc.Arbitrary<string[]> {
  const options = Object.entries(one.options).map(([key, values]) =>
    fc
      .record({
        value: fc.constantFrom(...values),
        not: key.startsWith('!') ? fc.boolean() : fc.constant(false),
      })
      .map(({ value, not }) => optionArgv(key.replace('!', ''), value, not)),
  );
  return fc
    .shuffledSubarray(options, { minLength: Math.min(2, options.length) })
    .chain((chosen) => fc.tuple(...chosen))
    .map((chosen) => ruleOf(one, chosen));
}
