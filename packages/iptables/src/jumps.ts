import type { Family } from '@cnikit/ip';
import { IptablesError, naming } from './errors.ts';
import { BUILTIN_CHAINS, type JumpSpec, type PlanOptions, type TableSpec } from './model.ts';
import { type DeclaredRule, declareRule, normaliseSaved } from './normalise.ts';
import type { SavedTable } from './parse.ts';
import { ruleArgv } from './rule-argv.ts';
import { splitTokens } from './tokens.ts';
import { type Effect, effectsOf } from './verdicts.ts';

/** A declared jump with its normal form. */
export interface Jump {
  readonly spec: JumpSpec;
  readonly rule: DeclaredRule;
  /** The rule that it must precede. */
  readonly before?: DeclaredRule;
}

interface Entry {
  readonly text: string;
  /** Key of a rule that jumps to an owned chain; `undefined` for a foreign rule. */
  readonly key?: string;
}

/**
 * Checks and normalises the declared jumps of a table.
 *
 * @throws {IptablesError} `INVALID`, with the name of the jump
 */
export function declareJumps({ jumps = [] }: TableSpec, family: Family): readonly Jump[] {
  return jumps.map((spec) =>
    naming(`Jump from ${spec.from} to ${spec.to}`, () => {
      const rule = declareRule([...ruleArgv(spec.rule ?? []), '-j', spec.to], family);
      if (typeof spec.at === 'string') {
        return { spec, rule };
      }
      return { spec, rule, before: declareRule(spec.at.before, family) };
    }),
  );
}

/**
 * Returns the owned chain that a saved rule jumps to, if any. The first test rules out most rules cheaply.
 */
function ownTarget(text: string, owns: (chain: string) => boolean): string | undefined {
  if (![...text.matchAll(/-[jg] (\S+)/g)].some(([, name]) => owns(name as string))) {
    return undefined;
  }
  const tokens = splitTokens(text);
  const at = tokens.findLastIndex(({ text: token, quoted }) => !quoted && (token === '-j' || token === '-g'));
  const target = at < 0 ? undefined : tokens[at + 1]?.text;
  return target !== undefined && owns(target) ? target : undefined;
}

/**
 * Plans the steps that leave exactly the declared jumps to owned chains in each foreign chain, in their
 * places. A deletion names the rule, never its number: if another program has inserted a rule since the read,
 * the restore fails and is planned again instead of deleting the wrong rule.
 */
export function planJumps(
  table: TableSpec,
  saved: SavedTable | undefined,
  owns: (chain: string) => boolean,
  { family, spellings }: PlanOptions,
): { commands: string[]; diff: string[] } {
  const declared = declareJumps(table, family).map((jump) => {
    const asSaved = (rule: DeclaredRule): DeclaredRule => ({
      ...rule,
      key: spellings?.get(rule.key) ?? rule.key,
    });
    const before = jump.before && asSaved(jump.before);
    return { spec: jump.spec, rule: asSaved(jump.rule), ...(before && { before }) };
  });
  const commands: string[] = [];
  const diff: string[] = [];
  const chains = new Set([...(saved?.chains.keys() ?? []), ...declared.map(({ spec }) => spec.from)]);
  for (const chain of chains) {
    if (owns(chain)) {
      continue;
    }
    const jumps = declared.filter(({ spec }) => spec.from === chain);
    const rules = saved?.chains.get(chain)?.rules;
    if (rules === undefined && !BUILTIN_CHAINS[table.table].includes(chain)) {
      throw new IptablesError(
        'NO_CHAIN',
        `Table ${table.table} has no chain ${chain} to jump from. Create the chain or remove the jump`,
      );
    }
    const effectOf = effectsOf(saved);
    planChain(chain, jumps, rules ?? [], owns, family, effectOf, (command, line) => {
      commands.push(command);
      diff.push(line);
    });
  }
  return { commands, diff };
}

function planChain(
  chain: string,
  jumps: readonly Jump[],
  rules: readonly string[],
  owns: (chain: string) => boolean,
  family: Family,
  effectOf: (rule: string) => Effect,
  emit: (command: string, diff: string) => void,
): void {
  let list: Entry[] = rules.map((text) =>
    ownTarget(text, owns) === undefined ? { text } : { text, key: normaliseSaved(text, family).key },
  );
  const remove = (doomed: (entry: Entry) => boolean): void => {
    for (const { text } of list.filter(doomed)) {
      emit(`-D ${chain} ${text}`, `- ${chain} ${text}`);
    }
    list = list.filter((entry) => !doomed(entry));
  };
  const insert = ({ rule }: Jump, index: number): void => {
    const command =
      index >= list.length
        ? `-A ${chain} ${rule.input}`
        : `-I ${chain} ${index === 0 ? '' : `${index + 1} `}${rule.input}`;
    emit(command, `+ ${chain} ${rule.text} (at ${index + 1})`);
    list.splice(index, 0, { text: rule.text, key: rule.key });
  };
  const copies = ({ rule }: Jump): number => list.filter(({ key }) => key === rule.key).length;
  /** Keeps a single copy that `fits` accepts; otherwise removes all copies and inserts one at `index()`. */
  const settle = (jump: Jump, fits: (index: number) => boolean, index: () => number): void => {
    if (copies(jump) === 1 && fits(list.findIndex(({ key }) => key === jump.rule.key))) {
      return;
    }
    remove(({ key }) => key === jump.rule.key);
    insert(jump, index());
  };

  const wanted = new Set(jumps.map(({ rule }) => rule.key));
  remove(({ key }) => key !== undefined && !wanted.has(key));
  const firsts = jumps.filter(({ spec }) => spec.at === 'first');
  const lasts = jumps.filter(({ spec }) => spec.at === 'last');
  firsts.forEach((jump, i) => {
    settle(
      jump,
      (index) => index === i,
      () => i,
    );
  });
  const tail = list.slice(-lasts.length || list.length).map(({ key }) => key);
  if (lasts.some((jump, i) => tail[i] !== jump.rule.key || copies(jump) !== 1)) {
    for (const jump of lasts) {
      settle(
        jump,
        () => false,
        () => list.length,
      );
    }
  }
  for (const jump of jumps.filter(({ spec }) => spec.at === 'before-default')) {
    const effect = ({ text, key }: Entry): Effect => (key === undefined ? effectOf(text) : 'harmless');
    /** Index of the first rule that blocks all packets, or of the end. */
    const limit = (): number => {
      const index = list.findIndex((entry) => effect(entry) === 'blocks-all');
      return index < 0 ? list.length : index;
    };
    settle(
      jump,
      (index) => index < limit() && list.slice(index, limit()).every((entry) => effect(entry) === 'harmless'),
      limit,
    );
  }
  for (const jump of jumps) {
    const { before } = jump;
    if (before === undefined) {
      continue;
    }
    const reference = (): number => {
      const index = list.findIndex(
        ({ text, key }) => (key ?? normaliseSaved(text, family).key) === before.key,
      );
      return index < 0 ? list.length : index;
    };
    settle(jump, (index) => index < reference(), reference);
  }
}
