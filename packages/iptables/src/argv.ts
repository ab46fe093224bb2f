import { IptablesError } from './errors.ts';
import type { Negatable, Rule, RuleSpec } from './model.ts';
import type { Word } from './tokens.ts';

/** An option of an extension with its values, as written. */
export interface Option {
  readonly name: string;
  readonly not: boolean;
  readonly values: readonly string[];
}

/** A match or target extension and its options. */
export interface Extension {
  readonly name: string;
  readonly options: readonly Option[];
}

/** A rule taken apart, nothing in it judged yet. */
export interface ParsedRule {
  /** `-s -d -i -o -p -f`, by their short names. */
  readonly base: ReadonlyMap<string, { readonly not: boolean; readonly value: string }>;
  readonly matches: readonly Extension[];
  readonly target?: Extension & { readonly flag: '-j' | '-g' };
}

function pushNegatable(argv: string[], flag: string, value: Negatable<string | number> | undefined): void {
  if (value === undefined) {
    return;
  }
  if (typeof value === 'object') {
    argv.push('!', flag, String(value.not));
  } else {
    argv.push(flag, String(value));
  }
}

/** A rule as the argv that follows `iptables -A CHAIN`. */
export function ruleArgv(spec: RuleSpec): readonly string[] {
  if (Array.isArray(spec)) {
    return spec as readonly string[];
  }
  const rule = spec as Rule;
  const argv: string[] = [];
  pushNegatable(argv, '-s', rule.source);
  pushNegatable(argv, '-d', rule.destination);
  pushNegatable(argv, '-i', rule.inInterface);
  pushNegatable(argv, '-o', rule.outInterface);
  pushNegatable(argv, '-p', rule.protocol);
  if (rule.sourcePort !== undefined || rule.destinationPort !== undefined) {
    if (typeof rule.protocol !== 'string') {
      throw new IptablesError('INVALID', 'A rule with a port needs a protocol, such as "tcp"');
    }
    argv.push('-m', rule.protocol);
    pushNegatable(argv, '--sport', rule.sourcePort);
    pushNegatable(argv, '--dport', rule.destinationPort);
  }
  if (rule.comment !== undefined) {
    argv.push('-m', 'comment', '--comment', rule.comment);
  }
  for (const match of rule.matches ?? []) {
    argv.push('-m', match.module, ...(match.options ?? []));
  }
  if (rule.jump !== undefined && rule.goto !== undefined) {
    throw new IptablesError('INVALID', `A rule cannot both jump to ${rule.jump} and go to ${rule.goto}`);
  }
  if (rule.jump !== undefined) {
    argv.push('-j', rule.jump);
  }
  if (rule.goto !== undefined) {
    argv.push('-g', rule.goto);
  }
  argv.push(...(rule.targetOptions ?? []));
  return argv;
}

const BASE: Readonly<Record<string, string>> = {
  '-s': '-s',
  '--source': '-s',
  '--src': '-s',
  '-d': '-d',
  '--destination': '-d',
  '--dst': '-d',
  '-i': '-i',
  '--in-interface': '-i',
  '-o': '-o',
  '--out-interface': '-o',
  '-p': '-p',
  '--protocol': '-p',
  '--proto': '-p',
  '-f': '-f',
  '--fragments': '-f',
  '-j': '-j',
  '--jump': '-j',
  '-g': '-g',
  '--goto': '-g',
  '-m': '-m',
  '--match': '-m',
};

/** Options whose value is free text: the next word is taken as it is, even `!` or `-x`. */
const TEXT_OPTIONS = new Set(
  '--comment --log-prefix --nflog-prefix --ulog-prefix --string --hex-string --name --u32 --bytecode'.split(
    ' ',
  ),
);

const PORTS = ['--sport', '--source-port', '--dport', '--destination-port'];
const ICMP = { module: 'icmp', options: ['--icmp-type'] };
const ICMP6 = { module: 'icmp6', options: ['--icmpv6-type'] };

/** What `-p` alone brings into scope (iptables(8), "extensions are loaded implicitly"). */
const IMPLICIT: Readonly<Record<string, { readonly module: string; readonly options: readonly string[] }>> = {
  tcp: { module: 'tcp', options: [...PORTS, '--tcp-flags', '--syn', '--tcp-option'] },
  udp: { module: 'udp', options: PORTS },
  udplite: { module: 'udplite', options: PORTS },
  sctp: { module: 'sctp', options: [...PORTS, '--chunk-types'] },
  dccp: { module: 'dccp', options: [...PORTS, '--dccp-types', '--dccp-option'] },
  icmp: ICMP,
  '1': ICMP,
  icmpv6: ICMP6,
  'ipv6-icmp': ICMP6,
  '58': ICMP6,
};

type Draft = { name: string; options: Option[] };

/** Takes argv apart the way iptables reads it. Throws `INVALID` where iptables would not know what is meant. */
export function parseWords(words: readonly Word[]): ParsedRule {
  const base = new Map<string, { not: boolean; value: string }>();
  const matches: Draft[] = [];
  let target: (Draft & { flag: '-j' | '-g' }) | undefined;
  let scope: Draft | undefined;
  let not = false;
  let at = 0;

  const isOption = (word: Word | undefined): boolean =>
    word !== undefined && !word.quoted && (word.text === '!' || /^--?[a-zA-Z]/.test(word.text));
  const value = (option: string): string => {
    const word = words[at++];
    if (word === undefined || (word.text === '' && BASE[option] !== undefined)) {
      throw new IptablesError('INVALID', `Option ${option} has no value`);
    }
    return word.text;
  };
  const extensionName = (option: string, attached: string | undefined): string => {
    const name = attached ?? value(option);
    if (/^[-!]|\s/.test(name)) {
      throw new IptablesError('INVALID', `"${name}" cannot be a name after ${option}`);
    }
    return name;
  };
  /** An option belongs to the protocol's implicit module if that one knows it, else to what was named last. */
  const owner = (option: string): Draft => {
    const implicit = IMPLICIT[base.get('-p')?.value.toLowerCase() ?? ''];
    if (implicit?.options.includes(option)) {
      if (scope?.name === implicit.module) {
        return scope;
      }
      const loaded = matches.findLast((match) => match.name === implicit.module);
      if (loaded !== undefined) {
        return loaded;
      }
      const loadedNow = { name: implicit.module, options: [] };
      matches.push(loadedNow);
      return loadedNow;
    }
    if (scope === undefined) {
      throw new IptablesError('INVALID', `Option ${option} belongs to no -m, -p or -j before it`);
    }
    return scope;
  };

  while (at < words.length) {
    const word = words[at++] as Word;
    if (word.text === '!' && !word.quoted) {
      if (not) {
        throw new IptablesError('INVALID', 'Two "!" in a row');
      }
      not = true;
      continue;
    }
    if (!isOption(word)) {
      throw new IptablesError('INVALID', `"${word.text}" is not an option`);
    }
    const equals = word.text.startsWith('--') ? word.text.indexOf('=') : -1;
    const name = equals < 0 ? word.text : word.text.slice(0, equals);
    const attached = equals < 0 ? undefined : word.text.slice(equals + 1);
    const flag = BASE[name];
    if (flag === '-m') {
      scope = { name: extensionName(name, attached), options: [] };
      matches.push(scope);
    } else if (flag === '-j' || flag === '-g') {
      if (target !== undefined) {
        throw new IptablesError('INVALID', `Two targets: ${target.name} and ${words[at]?.text}`);
      }
      target = { name: extensionName(name, attached), options: [], flag };
      scope = target;
    } else if (flag !== undefined) {
      if (base.has(flag)) {
        throw new IptablesError('INVALID', `Option ${name} is given twice`);
      }
      base.set(flag, { not, value: flag === '-f' ? '' : (attached ?? value(name)) });
    } else if (!name.startsWith('--')) {
      throw new IptablesError('INVALID', `Option ${name} is no part of a rule`);
    } else {
      const values = attached === undefined ? [] : [attached];
      if (TEXT_OPTIONS.has(name) && attached === undefined) {
        values.push(value(name));
      } else {
        while (at < words.length && !isOption(words[at])) {
          values.push(value(name));
        }
      }
      owner(name).options.push({ name, not, values });
    }
    if (not && (flag === '-m' || flag === '-j' || flag === '-g')) {
      throw new IptablesError('INVALID', `"!" cannot stand before ${name}`);
    }
    not = false;
  }
  if (not) {
    throw new IptablesError('INVALID', '"!" at the end of a rule negates nothing');
  }
  return target === undefined ? { base, matches } : { base, matches, target };
}
