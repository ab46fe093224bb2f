import { IptablesError } from './errors.ts';
import type { Match, Rule, RuleSpec } from './model.ts';

/**
 * Checks that a value is an object with known keys only: JavaScript and YAML have no types that would refuse a
 * misspelt one, and a rule without its condition matches every packet.
 *
 * @throws {IptablesError} `INVALID`
 */
export function checkKeys(what: string, value: unknown, keys: readonly string[]): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new IptablesError('INVALID', `Invalid ${what} ${JSON.stringify(value)}: expected an object`);
  }
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) {
    throw new IptablesError('INVALID', `Unknown key "${unknown}" in ${what}: expected ${keys.join(', ')}`);
  }
}

/** Options of a rule object that take a value or its negation. */
const NEGATABLE = {
  source: '-s',
  destination: '-d',
  inInterface: '-i',
  outInterface: '-o',
  protocol: '-p',
  sourcePort: '--sport',
  destinationPort: '--dport',
} as const;

const RULE_KEYS: readonly (keyof Rule)[] = [
  ...(Object.keys(NEGATABLE) as (keyof typeof NEGATABLE)[]),
  'comment',
  'matches',
  'jump',
  'goto',
  'targetOptions',
];
const MATCH_KEYS: readonly (keyof Match)[] = ['module', 'options'];

function checkText(key: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') {
    throw new IptablesError('INVALID', `Invalid ${key} ${JSON.stringify(value)}: expected a string`);
  }
  return value;
}

function checkList(key: string, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) {
    throw new IptablesError('INVALID', `Invalid ${key} ${JSON.stringify(value)}: expected a list`);
  }
  return value;
}

function negatable(rule: Rule, key: keyof typeof NEGATABLE): string[] {
  const value: unknown = rule[key];
  if (value === undefined) {
    return [];
  }
  const negated = typeof value === 'object';
  if (negated) {
    checkKeys(key, value, ['not']);
  }
  const inner = negated ? (value as { not?: unknown }).not : value;
  const isPort = key.endsWith('Port') && Number.isInteger(inner);
  const text = isPort ? String(inner) : checkText(key, inner);
  return [...(negated ? ['!'] : []), NEGATABLE[key], text];
}

/**
 * Returns a rule as the argv that follows `iptables -A CHAIN`.
 *
 * @throws {IptablesError} `INVALID`
 */
export function ruleArgv(spec: RuleSpec): readonly string[] {
  if (Array.isArray(spec)) {
    return spec as readonly string[];
  }
  checkKeys('rule', spec, RULE_KEYS);
  const rule = spec as Rule;
  const argv: string[] = [
    ...negatable(rule, 'source'),
    ...negatable(rule, 'destination'),
    ...negatable(rule, 'inInterface'),
    ...negatable(rule, 'outInterface'),
    ...negatable(rule, 'protocol'),
  ];
  if (rule.sourcePort !== undefined || rule.destinationPort !== undefined) {
    if (typeof rule.protocol !== 'string') {
      throw new IptablesError('INVALID', 'A rule with a port needs a protocol: set it, for example to "tcp"');
    }
    argv.push('-m', rule.protocol, ...negatable(rule, 'sourcePort'), ...negatable(rule, 'destinationPort'));
  }
  if (rule.comment !== undefined) {
    if (typeof rule.comment !== 'string') {
      throw new IptablesError(
        'INVALID',
        `Invalid comment ${JSON.stringify(rule.comment)}: expected a string`,
      );
    }
    argv.push('-m', 'comment', '--comment', rule.comment);
  }
  if (rule.matches !== undefined) {
    for (const match of checkList('matches', rule.matches) as readonly Match[]) {
      checkKeys('match', match, MATCH_KEYS);
      argv.push('-m', checkText('module', match.module));
      argv.push(...(checkList('options', match.options ?? []) as readonly string[]));
    }
  }
  if (rule.jump !== undefined && rule.goto !== undefined) {
    throw new IptablesError('INVALID', `Set jump (${rule.jump}) or goto (${rule.goto}), not both`);
  }
  if (rule.jump !== undefined) {
    argv.push('-j', checkText('jump', rule.jump));
  }
  if (rule.goto !== undefined) {
    argv.push('-g', checkText('goto', rule.goto));
  }
  if (rule.targetOptions !== undefined) {
    argv.push(...(checkList('targetOptions', rule.targetOptions) as readonly string[]));
  }
  return argv;
}
