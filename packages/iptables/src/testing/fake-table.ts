import type { Family } from '@cnikit/ip';
import { TARGETS } from '../extensions/targets.ts';
import { BUILTIN_CHAINS, type TableName } from '../model.ts';
import { normaliseTokens } from '../normalise.ts';
import { splitTokens, type Token } from '../tokens.ts';

/** The refusal of a command of iptables-restore, with the message of the nft backend. */
export class Refusal extends Error {}

interface FakeRule {
  readonly text: string;
  readonly key: string;
  /** Packets and bytes. */
  readonly counters: string;
}

interface FakeChain {
  policy: string;
  counters: string;
  rules: FakeRule[];
}

const ZERO = '[0:0]';

/** A table of the fake. It executes and checks the commands of iptables-restore as the real program does. */
export class FakeTable {
  readonly name: TableName;
  readonly #family: Family;
  readonly #sets: ReadonlySet<string>;
  readonly #chains: Map<string, FakeChain>;

  constructor(name: TableName, family: Family, sets: ReadonlySet<string>, from?: FakeTable) {
    this.name = name;
    this.#family = family;
    this.#sets = sets;
    this.#chains = new Map();
    for (const chain of BUILTIN_CHAINS[name]) {
      this.#chains.set(chain, { policy: 'ACCEPT', counters: ZERO, rules: [] });
    }
    if (from === undefined) {
      return;
    }
    for (const [chain, state] of from.#chains) {
      this.#chains.set(chain, { ...state, rules: [...state.rules] });
    }
  }

  /** Returns a copy for a transaction that can fail. */
  copy(): FakeTable {
    return new FakeTable(this.name, this.#family, this.#sets, this);
  }

  /** Returns the output of iptables-save. */
  print(counters: boolean): string {
    const lines = [`*${this.name}`];
    for (const [name, { policy, counters: total }] of this.#chains) {
      lines.push(`:${name} ${policy} ${total}`);
    }
    for (const [name, { rules }] of this.#chains) {
      for (const rule of rules) {
        lines.push(
          `${counters ? `${rule.counters} ` : ''}-A ${name}${rule.text === '' ? '' : ` ${rule.text}`}`,
        );
      }
    }
    return [...lines, 'COMMIT', ''].join('\n');
  }

  /** Removes every rule and every chain that is not built in. */
  flush(): void {
    for (const [name, chain] of this.#chains) {
      if (chain.policy === '-') {
        this.#chains.delete(name);
      } else {
        chain.rules = [];
      }
    }
  }

  /**
   * Executes one line of iptables-restore.
   *
   * @throws {Refusal}
   */
  command(line: string, keepCounters: boolean): void {
    if (line.startsWith(':')) {
      this.#declare(line, keepCounters);
      return;
    }
    const counted = /^(\[\d+:\d+\]) (.*)$/.exec(line);
    const tokens = splitTokens(counted?.[2] ?? line);
    const [verb, chain, ...rest] = tokens;
    const counters = keepCounters ? (counted?.[1] ?? ZERO) : ZERO;
    this.#run(verb?.text ?? '', chain?.text ?? '', rest, counters);
  }

  #declare(line: string, keepCounters: boolean): void {
    const [name = '', policy = '-', counters = ZERO] = line.slice(1).split(' ');
    const builtin = BUILTIN_CHAINS[this.name].includes(name);
    if (builtin === (policy === '-')) {
      throw new Refusal(`Bad policy ${policy} of chain ${name}`);
    }
    if (!builtin) {
      const chain = this.#chains.get(name);
      if (chain === undefined) {
        this.#chains.set(name, { policy: '-', counters: '[0:0]', rules: [] });
      } else {
        chain.rules = [];
      }
      return;
    }
    const chain = this.#chain(name);
    chain.policy = policy;
    if (keepCounters) {
      chain.counters = counters;
    }
  }

  #run(verb: string, name: string, tokens: Token[], counters: string): void {
    if (verb === '-N') {
      if (this.#chains.has(name)) {
        throw new Refusal('Chain already exists.');
      }
      this.#chains.set(name, { policy: '-', counters: ZERO, rules: [] });
      return;
    }
    const { rules } = this.#chain(name);
    const number = /^\d+$/.test(tokens[0]?.text ?? '') ? Number(tokens[0]?.text) : undefined;
    const rest = number === undefined ? tokens : tokens.slice(1);
    if (verb === '-A') {
      rules.push(this.#rule(tokens, counters));
    } else if (verb === '-I') {
      if ((number ?? 1) < 1 || (number ?? 1) > rules.length + 1) {
        throw new Refusal('Index of insertion too big.');
      }
      rules.splice((number ?? 1) - 1, 0, this.#rule(rest, counters));
    } else if (verb === '-R') {
      if (rules[(number ?? 0) - 1] === undefined) {
        throw new Refusal('Index of replacement too big.');
      }
      rules[(number as number) - 1] = this.#rule(rest, counters);
    } else if (verb === '-D') {
      const key = number === undefined ? this.#rule(tokens, ZERO).key : undefined;
      const index = number === undefined ? rules.findIndex((rule) => rule.key === key) : number - 1;
      if (rules[index] === undefined) {
        const why =
          number === undefined
            ? 'Bad rule (does a matching rule exist in that chain?).'
            : 'Index of deletion too big.';
        throw new Refusal(why);
      }
      rules.splice(index, 1);
    } else if (verb === '-C') {
      const { key } = this.#rule(tokens, ZERO);
      if (!rules.some((rule) => rule.key === key)) {
        throw new Refusal('Bad rule (does a matching rule exist in that chain?).');
      }
    } else if (verb === '-F') {
      rules.length = 0;
    } else if (verb === '-X') {
      this.#deleteChain(name);
    } else {
      throw new Refusal(`unknown option "${verb}"`);
    }
  }

  #chain(name: string): FakeChain {
    const chain = this.#chains.get(name);
    if (chain === undefined) {
      throw new Refusal('No chain/target/match by that name.');
    }
    return chain;
  }

  #deleteChain(name: string): void {
    const used = [...this.#chains.values()].some(({ rules }) =>
      rules.some(({ text }) => text.endsWith(`-j ${name}`) || text.endsWith(`-g ${name}`)),
    );
    const busy = used || this.#chain(name).rules.length > 0 || this.#chain(name).policy !== '-';
    if (busy) {
      throw new Refusal(`CHAIN_DEL failed (Device or resource busy): chain ${name}`);
    }
    this.#chains.delete(name);
  }

  #rule(tokens: readonly Token[], counters: string): FakeRule {
    let rule: ReturnType<typeof normaliseTokens>;
    try {
      rule = normaliseTokens(tokens, this.#family);
    } catch (error) {
      throw new Refusal((error as Error).message);
    }
    const saved = splitTokens(rule.text);
    const at = saved.findLastIndex(({ text, quoted }) => !quoted && (text === '-j' || text === '-g'));
    const target = at < 0 ? undefined : saved[at + 1]?.text;
    if (target !== undefined && !Object.hasOwn(TARGETS, target) && !this.#chains.has(target)) {
      throw new Refusal(`Chain '${target}' does not exist`);
    }
    saved.forEach(({ text, quoted }, i) => {
      const set = saved[i + 1]?.text ?? '';
      if (!quoted && text === '--match-set' && !this.#sets.has(set)) {
        throw new Refusal(`Set ${set} doesn't exist.`);
      }
    });
    return { text: rule.text, key: rule.key, counters };
  }
}
