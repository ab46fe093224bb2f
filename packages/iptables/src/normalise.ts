import type { Family } from '@cnikit/ip';
import { canonicalNetwork } from './address.ts';
import { type Extension, type Option, parseWords, ruleArgv } from './argv.ts';
import { IptablesError } from './errors.ts';
import { MATCHES } from './extensions/matches.ts';
import { TARGETS } from './extensions/targets.ts';
import type { ExtensionSpec } from './extensions/values.ts';
import type { RuleSpec } from './model.ts';
import { joinWords, quoteWord, splitWords, type Word } from './tokens.ts';

/** A rule in the spelling of iptables-save, ready to be compared. */
export interface NormalRule {
  /** The rule as iptables-save prints it after `-A CHAIN `. */
  readonly text: string;
  /** Equal for two rules that do the same, whatever their spelling and the order of their matches. */
  readonly key: string;
  /** What no rewriting changes: addresses, interfaces, protocol, names of extensions, comment, target. */
  readonly shape: string;
  /** False when an extension or a value is not known here, so that iptables-save may spell it otherwise. */
  readonly exact: boolean;
}

/** Protocol numbers by the names that iptables prints or takes (IANA, and /etc/protocols of Debian). */
const PROTOCOLS: Readonly<Record<string, string>> = {
  icmp: '1',
  igmp: '2',
  ipencap: '4',
  tcp: '6',
  udp: '17',
  dccp: '33',
  ipv6: '41',
  gre: '47',
  esp: '50',
  ah: '51',
  'ipv6-icmp': '58',
  ospf: '89',
  pim: '103',
  vrrp: '112',
  l2tp: '115',
  sctp: '132',
  'mobility-header': '135',
  udplite: '136',
};
const PROTOCOL_ALIASES: Readonly<Record<string, string>> = {
  icmpv6: 'ipv6-icmp',
  ipip: 'ipencap',
  'ipv6-mh': 'mobility-header',
  mh: 'mobility-header',
};
const PROTOCOL_NAMES = new Map(Object.entries(PROTOCOLS).map(([name, number]) => [number, name]));

function canonicalProtocol(text: string): string {
  const lower = text.toLowerCase();
  const name = PROTOCOL_ALIASES[lower] ?? lower;
  return PROTOCOL_NAMES.get(name) ?? name;
}

/** A base option as iptables-save prints it; undefined when it says nothing. */
function canonicalBase(flag: string, not: boolean, value: string, family: Family): string | undefined {
  if (flag === '-s' || flag === '-d') {
    const network = canonicalNetwork(value, family);
    return network.endsWith('/0') && !not ? undefined : network;
  }
  if (flag === '-p') {
    const protocol = canonicalProtocol(value);
    return protocol === 'all' || protocol === '0' ? undefined : protocol;
  }
  return value === '+' && !not ? undefined : value;
}

interface NormalExtension {
  readonly name: string;
  readonly options: readonly Option[];
  readonly exact: boolean;
  readonly stateful: boolean;
}

function normaliseExtension(
  extension: Extension,
  specs: Readonly<Record<string, ExtensionSpec>>,
  family: Family,
): NormalExtension {
  const { name } = extension;
  const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
  if (spec === undefined) {
    const exact = specs === TARGETS && extension.options.length === 0;
    return { name, options: extension.options, exact, stateful: true };
  }
  const context = { family };
  let exact = true;
  const spelled = new Map<string, Option>();
  const written = extension.options
    .map((option) => ({ ...option, name: spec.aliases?.[option.name] ?? option.name }))
    .flatMap((option) => spec.rewrite?.(option) ?? [option]);
  const has = (option: string): boolean => written.some((other) => other.name === option);
  for (const [option, values] of Object.entries(spec.defaults?.(context, has) ?? {})) {
    if (!has(option)) {
      written.push({ name: option, not: false, values });
    }
  }
  for (const option of written) {
    const spell = spec.options[option.name];
    const values = spell?.(option.values, context);
    if (values === undefined || spelled.has(option.name)) {
      exact = false;
    }
    if (values === null && !option.not) {
      continue;
    }
    spelled.set(option.name, { ...option, values: values ?? option.values });
  }
  const order = Object.keys(spec.options);
  const place = (option: Option): number => {
    const index = order.indexOf(option.name);
    return index < 0 ? order.length : index;
  };
  const options = [...spelled.values()].sort((a, b) => place(a) - place(b));
  return { name, options, exact, stateful: spec.stateful === true };
}

/** Values that iptables-save puts in quotes unless they are made of these alone (xtables_save_string). */
const QUOTED_TEXT = new Set(['--comment', '--log-prefix', '--nflog-prefix', '--string', '--u32']);

function quoteText(text: string): string {
  return /^[\w-]+$/.test(text) ? text : `"${text.replace(/["'\\]/g, '\\$&')}"`;
}

function optionText({ name, not, values }: Option): string {
  const quoted = values.map((value) => (QUOTED_TEXT.has(name) ? quoteText(value) : quoteWord(value)));
  return [...(not ? ['!'] : []), name, ...quoted].join(' ');
}

function extensionText(flag: string, extension: NormalExtension): string {
  return [`${flag} ${quoteWord(extension.name)}`, ...extension.options.map(optionText)].join(' ');
}

/** Two spellings of one thing, told apart by iptables-save and by nobody else. */
function keyText(text: string): string {
  return text
    .replace(/^-m state --state /, '-m conntrack --ctstate ')
    .replace(/^-m state ! --state /, '-m conntrack ! --ctstate ');
}

/** Matches sorted, since all must hold; those that count or draw lots keep what stood before them. */
function sortMatches(matches: readonly NormalExtension[]): string[] {
  const sorted: string[] = [];
  let run: string[] = [];
  for (const match of matches) {
    if (match.options.length === 0 && match.exact) {
      continue;
    }
    const text = keyText(extensionText('-m', match));
    if (match.stateful) {
      sorted.push(...run.sort(), text);
      run = [];
    } else {
      run.push(text);
    }
  }
  return [...sorted, ...run.sort()];
}

/** Normalises a rule given as words. Throws `INVALID` when it cannot be one rule. */
export function normaliseWords(words: readonly Word[], family: Family): NormalRule {
  const parsed = parseWords(words);
  const base: string[] = [];
  for (const flag of ['-s', '-d', '-i', '-o', '-p', '-f']) {
    const option = parsed.base.get(flag);
    if (option === undefined) {
      continue;
    }
    const value = canonicalBase(flag, option.not, option.value, family);
    if (value === undefined) {
      continue;
    }
    base.push(`${option.not ? '! ' : ''}${flag}${flag === '-f' ? '' : ` ${quoteWord(value)}`}`);
  }
  const matches = parsed.matches.map((match) => normaliseExtension(match, MATCHES, family));
  const target = parsed.target && normaliseExtension(parsed.target, TARGETS, family);
  const targetFlag = parsed.target?.flag ?? '-j';
  const targetText = target === undefined ? [] : [extensionText(targetFlag, target)];
  const comments = matches
    .filter((match) => match.name === 'comment')
    .map((match) => extensionText('-m', match));
  const names = matches.filter((match) => match.options.length > 0).map((match) => match.name);
  return {
    text: [...base, ...matches.map((match) => extensionText('-m', match)), ...targetText].join(' '),
    key: [
      ...base,
      ...sortMatches(matches),
      ...targetText.map((text) => text.replace(/^-j NOTRACK$/, '-j CT --notrack')),
    ].join(' '),
    shape: [...base, ...names.sort(), ...comments, targetFlag, target?.name ?? ''].join(' '),
    exact: matches.every((match) => match.exact) && (target?.exact ?? true),
  };
}

/** Characters that would end or break the restore line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;

/** A declared rule: its normal form and the line, less `-A CHAIN`, that makes it. */
export interface DeclaredRule extends NormalRule {
  /** The rule as declared, quoted for iptables-restore. */
  readonly input: string;
}

/** Checks and normalises a declared rule. Throws `INVALID`. */
export function declareRule(spec: RuleSpec, family: Family): DeclaredRule {
  const argv = ruleArgv(spec);
  for (const word of argv) {
    if (typeof word !== 'string') {
      throw new IptablesError('INVALID', `${JSON.stringify(word)} is not a word of a rule`);
    }
    if (CONTROL.test(word)) {
      throw new IptablesError(
        'INVALID',
        `${JSON.stringify(word)} has a control character, which no rule can hold`,
      );
    }
  }
  const words = argv.map((text) => ({ text, quoted: false }));
  return { ...normaliseWords(words, family), input: joinWords(argv) };
}

/** Normalises what iptables-save printed after `-A CHAIN `; text that cannot be read stands for itself. */
export function normaliseSaved(text: string, family: Family): NormalRule {
  try {
    return normaliseWords(splitWords(text), family);
  } catch {
    return { text, key: text, shape: text, exact: false };
  }
}
