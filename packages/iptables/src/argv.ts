import { IptablesError } from './errors.ts';
import type { Token } from './tokens.ts';

/** An option of an extension and its values, as written. */
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

/** A rule split into its parts, which are not validated yet. */
export interface ParsedRule {
  /** `-s -d -i -o -p -f`, by their short names. */
  readonly base: ReadonlyMap<string, { readonly not: boolean; readonly value: string }>;
  readonly matches: readonly Extension[];
  readonly target?: Extension & { readonly flag: '-j' | '-g' };
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

/** Options with free text as value: the next token is the value, even `!` or `-x`. */
const TEXT_OPTIONS = new Set(
  '--comment --log-prefix --nflog-prefix --ulog-prefix --string --hex-string --name --u32 --bytecode'.split(
    ' ',
  ),
);

const PORTS = ['--sport', '--source-port', '--dport', '--destination-port'];
const ICMP = { module: 'icmp', options: ['--icmp-type'] };
const ICMP6 = { module: 'icmp6', options: ['--icmpv6-type'] };

/** The extensions that `-p` loads implicitly (iptables(8), "extensions are loaded implicitly"). */
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

/**
 * Parses argv as iptables does.
 *
 * @throws {IptablesError} `INVALID` for argv that iptables would refuse
 */
export function parseTokens(tokens: readonly Token[]): ParsedRule {
  const base = new Map<string, { not: boolean; value: string }>();
  const matches: Draft[] = [];
  let target: (Draft & { flag: '-j' | '-g' }) | undefined;
  let scope: Draft | undefined;
  let not = false;
  let at = 0;

  const isOption = (token: Token | undefined): boolean =>
    token !== undefined && !token.quoted && (token.text === '!' || /^--?[a-zA-Z]/.test(token.text));
  const value = (option: string): string => {
    const token = tokens[at++];
    if (token === undefined || (token.text === '' && BASE[option] !== undefined)) {
      throw new IptablesError('INVALID', `Option ${option} has no value`);
    }
    return token.text;
  };
  const extensionName = (option: string, attached: string | undefined): string => {
    const name = attached ?? value(option);
    if (/^[-!]|\s/.test(name)) {
      throw new IptablesError('INVALID', `Invalid name "${name}" after ${option}`);
    }
    return name;
  };
  /**
   * Returns the extension of an option: the protocol's implicit one if it has that option, else the last
   * named one.
   */
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
      throw new IptablesError('INVALID', `Unknown option ${option}: no preceding -m, -p or -j defines it`);
    }
    return scope;
  };

  while (at < tokens.length) {
    const token = tokens[at++] as Token;
    if (token.text === '!' && !token.quoted) {
      if (not) {
        throw new IptablesError('INVALID', 'Two consecutive "!"');
      }
      not = true;
      continue;
    }
    if (!isOption(token)) {
      throw new IptablesError('INVALID', `Expected an option, got "${token.text}"`);
    }
    const equals = token.text.startsWith('--') ? token.text.indexOf('=') : -1;
    const name = equals < 0 ? token.text : token.text.slice(0, equals);
    const attached = equals < 0 ? undefined : token.text.slice(equals + 1);
    const flag = BASE[name];
    if (flag === '-m') {
      scope = { name: extensionName(name, attached), options: [] };
      matches.push(scope);
    } else if (flag === '-j' || flag === '-g') {
      if (target !== undefined) {
        throw new IptablesError('INVALID', `Two targets: ${target.name} and ${tokens[at]?.text}`);
      }
      target = { name: extensionName(name, attached), options: [], flag };
      scope = target;
    } else if (flag !== undefined) {
      if (base.has(flag)) {
        throw new IptablesError('INVALID', `Option ${name} is given twice`);
      }
      base.set(flag, { not, value: flag === '-f' ? '' : (attached ?? value(name)) });
    } else if (name.startsWith('--')) {
      const values = attached === undefined ? [] : [attached];
      if (TEXT_OPTIONS.has(name) && attached === undefined) {
        values.push(value(name));
      } else {
        while (at < tokens.length && !isOption(tokens[at])) {
          values.push(value(name));
        }
      }
      owner(name).options.push({ name, not, values });
    } else {
      throw new IptablesError('INVALID', `Option ${name} cannot be part of a rule`);
    }
    if (not && (flag === '-m' || flag === '-j' || flag === '-g')) {
      throw new IptablesError('INVALID', `"!" cannot negate ${name}`);
    }
    not = false;
  }
  if (not) {
    throw new IptablesError('INVALID', 'The rule ends with "!", which negates nothing');
  }
  return target === undefined ? { base, matches } : { base, matches, target };
}
