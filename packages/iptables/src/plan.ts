import type { Family } from '@cnikit/ip';
import { checkTables } from './check.ts';
import { type Edit, editScript } from './edit.ts';
import { IptablesError, naming } from './errors.ts';
import { planJumps } from './jumps.ts';
import type { PlanOptions, RuleSpec, TableSpec } from './model.ts';
import { type DeclaredRule, declareRule, normaliseSaved } from './normalise.ts';
import type { SavedRules, SavedTable } from './parse.ts';

/** The changes to make: print `diff`, or feed `payload` to `iptables-restore --noflush`. */
export interface Plan {
  /** False when the rules are as declared. */
  readonly changed: boolean;
  /** One line for each change, such as `filter: + CNIKIT-FORWARD -s 10.244.1.0/24 -j ACCEPT`. */
  readonly diff: readonly string[];
  /** The input of iptables-restore; empty when nothing changes. */
  readonly payload: string;
}

/**
 * Compares the output of iptables-save with the declared tables. Pure.
 *
 * @throws {IptablesError} `INVALID`, `NO_CHAIN` or `INCOMPATIBLE_TABLE`
 */
export function planTables(saved: SavedRules, tables: readonly TableSpec[], options: PlanOptions): Plan {
  checkTables(tables, options.prefix);
  return combine(tables, saved, (table) => {
    const owns = ownership(table, options.prefix);
    return planOwned(table, saved.tables.get(table.table), owns, options);
  });
}

/**
 * Plans the removal of every owned chain and of every jump to one. Pure.
 *
 * @throws {IptablesError} `INVALID` or `INCOMPATIBLE_TABLE`
 */
export function planRemoval(saved: SavedRules, tables: readonly TableSpec[], options: PlanOptions): Plan {
  checkTables(tables, options.prefix);
  return combine(tables, saved, (table) => {
    const owns = ownership(table, options.prefix);
    return planOwned({ table: table.table, chains: {} }, saved.tables.get(table.table), owns, options);
  });
}

function ownership(table: TableSpec, prefix: string | undefined): (chain: string) => boolean {
  return (chain) => Object.hasOwn(table.chains, chain) || (prefix !== undefined && chain.startsWith(prefix));
}

/** Commands in the order of iptables-restore, and the diff in reading order. */
interface Change {
  readonly commands: readonly string[];
  readonly diff: readonly string[];
}

function combine(
  tables: readonly TableSpec[],
  saved: SavedRules,
  plan: (table: TableSpec) => readonly Change[],
): Plan {
  const payload: string[] = [];
  const diff: string[] = [];
  for (const table of tables) {
    if (saved.incompatible.includes(table.table)) {
      throw new IptablesError(
        'INCOMPATIBLE_TABLE',
        `Table ${table.table} holds rules made by nft that iptables cannot show. Move them to a table of another name`,
      );
    }
    const changes = plan(table);
    const commands = changes.flatMap((change) => change.commands);
    if (commands.length === 0) {
      continue;
    }
    payload.push(`*${table.table}`, ...commands, 'COMMIT', '');
    diff.push(...changes.flatMap((change) => change.diff.map((line) => `${table.table}: ${line}`)));
  }
  return { changed: payload.length > 0, diff, payload: payload.join('\n') };
}

/** Creates chains, writes rules, then jumps, then deletes chains, so that each command names what exists. */
function planOwned(
  table: TableSpec,
  saved: SavedTable | undefined,
  owns: (chain: string) => boolean,
  options: PlanOptions,
): readonly Change[] {
  const declared = Object.entries(table.chains);
  const known = [...(saved?.chains.keys() ?? [])];
  const stale = known.filter((name) => owns(name) && !Object.hasOwn(table.chains, name));
  const created = declared.map(([name]) => name).filter((name) => !known.includes(name));
  const rules = declared.map(([name, specs]) => {
    const current = saved?.chains.get(name)?.rules ?? [];
    return planRules(name, current, declareRules(specs, name, options.family), options);
  });
  return [
    { commands: created.map((name) => `:${name} - [0:0]`), diff: created.map((name) => `+ chain ${name}`) },
    ...rules,
    planJumps(table, saved, owns, options),
    {
      commands: [...stale.map((name) => `-F ${name}`), ...stale.map((name) => `-X ${name}`)],
      diff: stale.map((name) => `- chain ${name}`),
    },
  ];
}

/** Normalises the declared rules of a chain. An error names the chain and the rule. */
export function declareRules(
  specs: readonly RuleSpec[],
  chain: string,
  family: Family,
): readonly DeclaredRule[] {
  return specs.map((spec, i) => naming(`Rule ${i + 1} of chain ${chain}`, () => declareRule(spec, family)));
}

/** Returns the key of a declared rule as iptables-save prints it. */
function savedKey(rule: DeclaredRule, options: PlanOptions): string {
  return options.spellings?.get(rule.key) ?? rule.key;
}

function planRules(
  chain: string,
  current: readonly string[],
  desired: readonly DeclaredRule[],
  options: PlanOptions,
): Change {
  // The usual case: nothing differs, not even in spelling.
  if (current.length === desired.length && current.every((text, i) => text === desired[i]?.text)) {
    return { commands: [], diff: [] };
  }
  const wanted = desired.map((rule) => savedKey(rule, options));
  const found = current.map((text) => normaliseSaved(text, options.family).key);
  const groups = editScript(found, wanted);
  const steps = groups.map((edits) => edits.map((edit) => editStep(chain, edit, current, desired)));
  return {
    commands: steps.flat().map(({ command }) => command),
    diff: steps
      .reverse()
      .flat()
      .map(({ diff }) => diff),
  };
}

function editStep(
  chain: string,
  edit: Edit,
  current: readonly string[],
  desired: readonly DeclaredRule[],
): { command: string; diff: string } {
  if (edit.kind === 'delete') {
    return { command: `-D ${chain} ${edit.at}`, diff: `- ${chain} ${current[edit.at - 1]}` };
  }
  const { input, text } = desired[edit.item] as DeclaredRule;
  if (edit.kind === 'append') {
    return { command: `-A ${chain} ${input}`, diff: `+ ${chain} ${text}` };
  }
  if (edit.kind === 'insert') {
    return { command: `-I ${chain} ${edit.at} ${input}`, diff: `+ ${chain} ${text} (at ${edit.at})` };
  }
  const before = current[edit.at - 1];
  return { command: `-R ${chain} ${edit.at} ${input}`, diff: `~ ${chain} ${before} => ${text}` };
}
