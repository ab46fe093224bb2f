import type { Family } from '@cnikit/ip';
import type { Pair } from './compare.ts';
import { editScript } from './edit.ts';
import { declareJumps } from './jumps.ts';
import type { TableSpec } from './model.ts';
import { type DeclaredRule, normaliseSaved } from './normalise.ts';
import type { SavedRules } from './parse.ts';
import { declareRules } from './plan.ts';

/** Keys of saved rules by the keys of the declared rules that they are equal to. */
export type Spellings = ReadonlyMap<string, string>;

/** A declared rule and the saved rules that may be equal to it, in the order of likelihood. */
interface Group {
  readonly table: string;
  readonly rule: DeclaredRule;
  /** The rules of the owned chain, or the rules that can be the jump. */
  readonly candidates: readonly string[];
}

/** Returns the declared rules that no saved rule has the key of, each with the saved rules in its place. */
function unsettled(
  saved: SavedRules,
  tables: readonly TableSpec[],
  family: Family,
  spellings: Spellings,
): readonly Group[] {
  const keyOf = (rule: DeclaredRule) => spellings.get(rule.key) ?? rule.key;
  const groups: Group[] = [];
  for (const spec of tables) {
    const { table } = spec;
    const rulesOf = (chain: string) => saved.tables.get(table)?.chains.get(chain)?.rules ?? [];
    for (const [name, specs] of Object.entries(spec.chains)) {
      const current = rulesOf(name);
      const declared = declareRules(specs, name, family);
      const found = current.map((text) => normaliseSaved(text, family).key);
      for (const edits of editScript(found, declared.map(keyOf))) {
        const places = edits.flatMap((edit) => ('at' in edit && edit.kind !== 'insert' ? [edit.at - 1] : []));
        const candidates = places.sort((a, b) => a - b).map((place) => current[place] as string);
        for (const edit of edits) {
          if (edit.kind !== 'delete') {
            groups.push({ table, rule: declared[edit.item] as DeclaredRule, candidates });
          }
        }
      }
    }
    for (const { spec: jump, rule, before } of declareJumps(spec, family)) {
      const all = rulesOf(jump.from);
      const known = new Set(all.map((text) => normaliseSaved(text, family).key));
      for (const each of before === undefined ? [rule] : [rule, before]) {
        if (!known.has(keyOf(each))) {
          groups.push({ table, rule: each, candidates: all });
        }
      }
    }
  }
  return groups;
}

/** Compares the rules of a table, see `compareRules()`. */
export type Compare = (table: string, pairs: readonly Pair[]) => readonly boolean[];

/**
 * Learns how iptables-save prints declared rules by comparing them with the saved rules in their places. Asks about a
 * pair only if nothing but the values of the extensions differs and, unless `doubt` is set, if these are not known to
 * differ. Returns the new spellings together with those in `known`, or `known` itself when it learns none.
 */
export function compareSpellings(
  saved: SavedRules,
  tables: readonly TableSpec[],
  family: Family,
  known: Spellings,
  compare: Compare,
  doubt: boolean,
): Spellings {
  const spellings = new Map(known);
  const asked = new Set<string>();
  let learnt = false;
  for (;;) {
    const questions = new Map<string, { pair: Pair; declaredKey: string; savedKey: string }[]>();
    const used = new Set<string>();
    for (const { table, rule, candidates } of unsettled(saved, tables, family, spellings)) {
      for (const text of candidates) {
        const normal = normaliseSaved(text, family);
        const id = `${table} ${rule.key}\n${normal.key}`;
        const comparable = normal.shape === rule.shape && (doubt || !rule.exact || !normal.exact);
        if (!comparable || asked.has(id) || used.has(`${table} ${text}`)) {
          continue;
        }
        asked.add(id);
        used.add(`${table} ${text}`);
        const list = questions.get(table) ?? [];
        questions.set(table, list);
        list.push({
          pair: { declared: rule.input, saved: text },
          declaredKey: rule.key,
          savedKey: normal.key,
        });
        break;
      }
    }
    if (questions.size === 0) {
      return learnt ? spellings : known;
    }
    for (const [table, list] of questions) {
      const answers = compare(
        table,
        list.map(({ pair }) => pair),
      );
      list.forEach(({ declaredKey, savedKey }, i) => {
        if (answers[i]) {
          learnt = true;
          spellings.set(declaredKey, savedKey);
        }
      });
    }
  }
}

/**
 * Learns how iptables-save prints declared rules with unknown extensions, from the rules that were just
 * restored. A saved rule counts only if it differs in nothing but the values of the extensions: another
 * program may have changed it. Returns the new spellings together with those in `known` that still apply.
 */
export function learnSpellings(
  saved: SavedRules,
  tables: readonly TableSpec[],
  family: Family,
  known: Spellings,
): Spellings {
  const spellings = new Map<string, string>();
  const learn = (rule: DeclaredRule, candidates: readonly string[]): void => {
    const before = known.get(rule.key);
    if (rule.exact) {
      if (before !== undefined) {
        spellings.set(rule.key, before);
      }
      return;
    }
    const found = candidates
      .map((text) => normaliseSaved(text, family))
      .find(({ shape }) => shape === rule.shape);
    const spelling = found?.key ?? before;
    if (spelling !== undefined) {
      spellings.set(rule.key, spelling);
    }
  };
  for (const table of tables) {
    const rulesOf = (chain: string) => saved.tables.get(table.table)?.chains.get(chain)?.rules ?? [];
    for (const [name, specs] of Object.entries(table.chains)) {
      const current = rulesOf(name);
      const aligned = current.length === specs.length;
      declareRules(specs, name, family).forEach((rule, i) => {
        learn(rule, aligned ? current.slice(i, i + 1) : []);
      });
    }
    for (const { spec, rule, before } of declareJumps(table, family)) {
      learn(rule, rule.exact ? [] : rulesOf(spec.from).filter((text) => text.endsWith(` ${spec.to}`)));
      if (before !== undefined) {
        learn(before, []);
      }
    }
  }
  return spellings;
}
