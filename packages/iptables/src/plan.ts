import type { Family } from '@cnikit/ip';
import { checkTables } from './check.ts';
import { type Edit, editScript } from './edit.ts';
import { IptablesError, naming } from './errors.ts';
import { planJumps } from './jumps.ts';
import type { RuleSpec, TableSpec } from './model.ts';
import { type DeclaredRule, declareRule, normaliseSaved } from './normalise.ts';
import type { SavedRules, SavedTable } from './parse.ts';

/** What has to be done, as a value: print it, or feed `payload` to iptables-restore --noflush. */
export interface Plan {
  /** False when the rules are as declared and nothing need be written. */
  readonly changed: boolean;
  /** One line for each change, such as `filter: + CNIKIT-FORWARD -s 10.244.1.0/24 -j ACCEPT`. */
  readonly diff: readonly string[];
  /** The input of iptables-restore; empty when nothing changes. */
  readonly payload: string;
}

/** What a plan depends on beside the rules. */
export interface PlanOptions {
  readonly family: Family;
  /** Every chain whose name begins so is owned: when it is not declared, it is removed. */
  readonly prefix?: string;
  /** Keys of declared rules that iptables-save is known to print otherwise, and what it prints. */
  readonly spellings?: ReadonlyMap<string, string>;
}

/** Compares what iptables-save printed with what is declared. Pure. Throws `INVALID`, `NO_CHAIN`, `INCOMPATIBLE_TABLE`. */
export function planTables(saved: SavedRules, tables: readonly TableSpec[], options: PlanOptions): Plan {
  checkTables(tables, options.prefix);
  return combine(tables, saved, (table) => {
    const owns = ownership(table, options.prefix);
    return planOwned(table, saved.tables.get(table.table), owns, options);
  });
}

/** The plan that leaves no own chain and no jump to one. Pure. */
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

/** What to feed to restore, in its order, and what to tell, in the reader's. */
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
        `Table ${table.table} holds rules made by nft that iptables cannot show; move them to a table of another name`,
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

/** New chains first, then rules, then jumps, then removal: nothing is named before it is there. */
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

/** The declared rules of a chain; an error says which rule it is. */
export function declareRules(
  specs: readonly RuleSpec[],
  chain: string,
  family: Family,
): readonly DeclaredRule[] {
  return specs.map((spec, i) => naming(`Rule ${i + 1} of chain ${chain}`, () => declareRule(spec, family)));
}

/** The key under which iptables-save will show a declared rule. */
function savedKey(rule: DeclaredRule, options: PlanOptions): string {
  return options.spellings?.get(rule.key) ?? rule.key;
}

function planRules(
  chain: string,
  current: readonly string[],
  desired: readonly DeclaredRule[],
  options: PlanOptions,
): Change {
  // Most often nothing differs, and then not even in spelling.
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
