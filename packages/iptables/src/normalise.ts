import type { Family } from '@cnikit/ip';
import { canonicalNetwork } from './address.ts';
import { type Extension, type Option, parseTokens } from './argv.ts';
import { IptablesError } from './errors.ts';
import { MATCHES } from './extensions/matches.ts';
import { TARGETS } from './extensions/targets.ts';
import type { ExtensionSpec } from './extensions/values.ts';
import type { RuleSpec } from './model.ts';
import { ruleArgv } from './rule-argv.ts';
import { joinTokens, quoteToken, splitTokens, type Token } from './tokens.ts';

/** A rule in the spelling of iptables-save, ready to be compared. */
export interface NormalRule {
  /** The rule as iptables-save prints it after `-A CHAIN `. */
  readonly text: string;
  /** Equal for two rules with the same effect, for any spelling and any order of matches. */
  readonly key: string;
  /**
   * The parts that iptables-save never rewrites: addresses, interfaces, protocol, extension names, comment,
   * target.
   */
  readonly shape: string;
  /** False for an unknown extension or value, which iptables-save may spell differently. */
  readonly exact: boolean;
}

/** Protocol numbers by the names that iptables prints or accepts (IANA, and /etc/protocols of Debian). */
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

/** Returns a base option as iptables-save prints it, or `undefined` when it matches everything. */
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
  const { aliases, exclusive } = spec;
  const rewritten = extension.options
    .map((option) => ({ ...option, name: aliases?.[option.name] ?? option.name }))
    .flatMap((option) => spec.rewrite?.(option, context) ?? [option]);
  const mixed = rewritten.filter((option) => spec.alone?.includes(option.name));
  if (mixed.length > 1) {
    throw new IptablesError(
      'INVALID',
      `Set one of ${spec.alone?.join(', ')} of ${name} in each rule: iptables mixes them`,
    );
  }
  const kept = rewritten.findLastIndex(({ name }) => exclusive?.includes(name));
  const written = rewritten.filter(({ name }, i) => i === kept || !exclusive?.includes(name));
  const count = (name: string): number => written.filter((option) => option.name === name).length;
  const has = (name: string): boolean => count(name) > 0;
  for (const [option, values] of Object.entries(spec.defaults?.(context, has) ?? {})) {
    if (!has(option)) {
      written.push({ name: option, not: false, values });
    }
  }
  const spelled: Option[] = [];
  for (const option of written) {
    const spell = Object.hasOwn(spec.options, option.name) ? spec.options[option.name] : undefined;
    const values = spell?.(option.values, { family, not: option.not });
    // iptables may keep either of two equal options, so both stay and the rule is inexact.
    const repeated = count(option.name) > 1;
    if (values === undefined || repeated) {
      exact = false;
    }
    if (values !== null || option.not || repeated) {
      spelled.push({ ...option, values: values ?? option.values });
    }
  }
  const order = Object.keys(spec.options);
  const place = (option: Option): number => {
    const index = order.indexOf(option.name);
    return index < 0 ? order.length : index;
  };
  const options = spelled.sort((a, b) => place(a) - place(b));
  return { name, options, exact, stateful: spec.stateful === true };
}

/** Options whose value iptables-save quotes unless it is plain (xtables_save_string). */
const QUOTED_TEXT = new Set(['--comment', '--log-prefix', '--nflog-prefix', '--string', '--u32']);

function quoteText(text: string): string {
  return /^[\w-]+$/.test(text) ? text : `"${text.replace(/["'\\]/g, '\\$&')}"`;
}

function optionText({ name, not, values }: Option): string {
  const quoted = values.map((value) => (QUOTED_TEXT.has(name) ? quoteText(value) : quoteToken(value)));
  return [...(not ? ['!'] : []), name, ...quoted].join(' ');
}

function extensionText(flag: string, extension: NormalExtension): string {
  return [`${flag} ${quoteToken(extension.name)}`, ...extension.options.map(optionText)].join(' ');
}

/** Replaces the older of two equivalent spellings, which iptables-save keeps apart. */
function keyText(text: string): string {
  return text
    .replace(/^-m state --state /, '-m conntrack --ctstate ')
    .replace(/^-m state ! --state /, '-m conntrack ! --ctstate ');
}

/** Sorts the matches, as all must hold. A stateful match stays behind the matches that precede it. */
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

/**
 * Normalises a rule given as tokens.
 *
 * @throws {IptablesError} `INVALID`
 */
export function normaliseTokens(tokens: readonly Token[], family: Family): NormalRule {
  const parsed = parseTokens(tokens);
  const base: string[] = [];
  const shape: string[] = [];
  let known = true;
  for (const flag of ['-s', '-d', '-i', '-o', '-p', '-f']) {
    const option = parsed.base.get(flag);
    if (option === undefined) {
      continue;
    }
    const value = canonicalBase(flag, option.not, option.value, family);
    if (value === undefined) {
      continue;
    }
    const not = option.not ? '! ' : '';
    base.push(`${not}${flag}${flag === '-f' ? '' : ` ${quoteToken(value)}`}`);
    // The names of other protocols depend on the host; 255 is reserved and has none.
    const named = flag !== '-p' || value === '255' || Object.hasOwn(PROTOCOLS, value);
    shape.push(named ? (base.at(-1) as string) : `${not}${flag}`);
    known &&= named;
  }
  const matches = parsed.matches.map((match) => normaliseExtension(match, MATCHES, family));
  const target = parsed.target && normaliseExtension(parsed.target, TARGETS, family);
  const targetFlag = parsed.target?.flag ?? '-j';
  const targetText = target === undefined ? [] : [extensionText(targetFlag, target)];
  const comments = matches
    .filter((match) => match.name === 'comment')
    .map((match) => extensionText('-m', match));
  // A match that its protocol loads is not always printed.
  const names = matches.map((match) => match.name).filter((name) => !IMPLICIT_MODULES.has(name));
  return {
    text: [...base, ...matches.map((match) => extensionText('-m', match)), ...targetText].join(' '),
    key: [
      ...base,
      ...sortMatches(matches),
      ...targetText.map((text) => text.replace(/^-j NOTRACK$/, '-j CT --notrack')),
    ].join(' '),
    shape: [...shape, ...names.sort(), ...comments, targetFlag, target?.name ?? ''].join(' '),
    exact: known && matches.every((match) => match.exact) && (target?.exact ?? true),
  };
}

/** Names of the matches that `-p` loads. */
const IMPLICIT_MODULES = new Set('tcp udp udplite sctp dccp icmp icmp6'.split(' '));

/** Characters that would end or break a line of iptables-restore. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the expression finds control characters
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;

/** A declared rule: its normal form and its line of iptables-restore, without `-A CHAIN`. */
export interface DeclaredRule extends NormalRule {
  /** The rule as declared, quoted for iptables-restore. */
  readonly input: string;
}

/**
 * Checks and normalises a declared rule.
 *
 * @throws {IptablesError} `INVALID`
 */
export function declareRule(spec: RuleSpec, family: Family): DeclaredRule {
  const argv = ruleArgv(spec);
  for (const token of argv) {
    if (typeof token !== 'string') {
      throw new IptablesError('INVALID', `Invalid rule: ${JSON.stringify(token)} is not a string`);
    }
    if (CONTROL.test(token)) {
      throw new IptablesError(
        'INVALID',
        `Invalid rule: ${JSON.stringify(token)} contains a control character`,
      );
    }
  }
  const tokens = argv.map((text) => ({ text, quoted: false }));
  return { ...normaliseTokens(tokens, family), input: joinTokens(argv) };
}

/** Normalises a line of iptables-save without `-A CHAIN `. A line that cannot be parsed is its own key. */
export function normaliseSaved(text: string, family: Family): NormalRule {
  try {
    return normaliseTokens(splitTokens(text), family);
  } catch {
    return { text, key: text, shape: text, exact: false };
  }
}
