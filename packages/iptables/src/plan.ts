import { checkTables } from './check.ts';
import { type Edit, editScript } from './edit.ts';
import { IptablesError } from './errors.ts';
import { planJumps, type Step } from './jumps.ts';
import type { Family, RuleSpec, TableSpec } from './model.ts';
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
  return combine(tables, saved, (table) => planTable(saved.tables.get(table.table), table, options));
}

/** The plan that leaves no own chain and no jump to one. Pure. */
export function planRemoval(saved: SavedRules, tables: readonly TableSpec[], options: PlanOptions): Plan {
  checkTables(tables, options.prefix);
  return combine(tables, saved, (table) => {
    const owned = new Set(Object.keys(table.chains));
    const owns = (chain: string): boolean => owned.has(chain) || startsWith(chain, options.prefix);
    return planOwned({ table: table.table, chains: {} }, saved.tables.get(table.table), owns, options);
  });
}

function startsWith(chain: string, prefix: string | undefined): boolean {
  return prefix !== undefined && chain.startsWith(prefix);
}

function combine(
  tables: readonly TableSpec[],
  saved: SavedRules,
  plan: (table: TableSpec) => readonly Step[],
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
    const steps = plan(table);
    if (steps.length === 0) continue;
    payload.push(`*${table.table}`, ...steps.map(({ command }) => command), 'COMMIT', '');
    diff.push(...steps.map((step) => step.diff).filter((line) => line !== ''));
  }
  return { changed: payload.length > 0, diff, payload: payload.join('\n') };
}

function planTable(saved: SavedTable | undefined, table: TableSpec, options: PlanOptions): readonly Step[] {
  const owns = (chain: string): boolean =>
    Object.hasOwn(table.chains, chain) || startsWith(chain, options.prefix);
  return planOwned(table, saved, owns, options);
}

/** New and stale chains first, then rules, then jumps, then removal: nothing is named before it is there. */
function planOwned(
  table: TableSpec,
  saved: SavedTable | undefined,
  owns: (chain: string) => boolean,
  options: PlanOptions,
): readonly Step[] {
  const declared = Object.entries(table.chains);
  const stale = [...(saved?.chains.keys() ?? [])].filter(
    (name) => owns(name) && !Object.hasOwn(table.chains, name),
  );
  const headers: Step[] = [];
  const rules: Step[] = [];
  for (const [name, specs] of declared) {
    const current = saved?.chains.get(name)?.rules;
    const chain = planRules(table.table, name, current, declareRules(specs, name, options.family), options);
    if (chain.header !== undefined) headers.push(chain.header);
    rules.push(...chain.steps);
  }
  return [
    ...headers,
    ...rules,
    ...planJumps(table, saved, owns, options.family),
    ...stale.map((name) => ({ command: `-F ${name}`, diff: '' })),
    ...stale.map((name) => ({ command: `-X ${name}`, diff: `${table.table}: - chain ${name}` })),
  ];
}

/** The declared rules of a chain; an error says which rule it is. */
export function declareRules(
  specs: readonly RuleSpec[],
  chain: string,
  family: Family,
): readonly DeclaredRule[] {
  return specs.map((spec, i) => {
    try {
      return declareRule(spec, family);
    } catch (error) {
      if (!(error instanceof IptablesError)) throw error;
      throw new IptablesError(error.code, `Rule ${i + 1} of chain ${chain}: ${error.message}`);
    }
  });
}

/** The key under which iptables-save will show a declared rule. */
function savedKey(rule: DeclaredRule, options: PlanOptions): string {
  return options.spellings?.get(rule.key) ?? rule.key;
}

function planRules(
  table: string,
  chain: string,
  current: readonly string[] | undefined,
  desired: readonly DeclaredRule[],
  options: PlanOptions,
): { header?: Step; steps: readonly Step[] } {
  const append = (rule: DeclaredRule): Step => ({
    command: `-A ${chain} ${rule.input}`,
    diff: `${table}: + ${chain} ${rule.text}`,
  });
  if (current === undefined) {
    const header = { command: `:${chain} - [0:0]`, diff: `${table}: + chain ${chain}` };
    return { header, steps: desired.map(append) };
  }
  if (current.length === desired.length && current.every((text, i) => text === desired[i]?.text))
    return { steps: [] };
  const wanted = desired.map((rule) => savedKey(rule, options));
  const found = current.map((text) => normaliseSaved(text, options.family).key);
  const edits = editScript(found, wanted);
  return { steps: edits.map((edit) => editStep(table, chain, edit, current, desired)) };
}

function editStep(
  table: string,
  chain: string,
  edit: Edit,
  current: readonly string[],
  desired: readonly DeclaredRule[],
): Step {
  const told = `${table}: `;
  if (edit.kind === 'delete') {
    return { command: `-D ${chain} ${edit.at}`, diff: `${told}- ${chain} ${current[edit.at - 1]}` };
  }
  const rule = desired[edit.item] as DeclaredRule;
  if (edit.kind === 'append') {
    return { command: `-A ${chain} ${rule.input}`, diff: `${told}+ ${chain} ${rule.text}` };
  }
  if (edit.kind === 'insert') {
    return {
      command: `-I ${chain} ${edit.at} ${rule.input}`,
      diff: `${told}+ ${chain} ${rule.text} (at ${edit.at})`,
    };
  }
  return {
    command: `-R ${chain} ${edit.at} ${rule.input}`,
    diff: `${told}~ ${chain} ${current[edit.at - 1]} => ${rule.text}`,
  };
}
