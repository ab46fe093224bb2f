import type { Family } from '@cnikit/ip';
import { declareJumps } from './jumps.ts';
import type { TableSpec } from './model.ts';
import { type DeclaredRule, normaliseSaved } from './normalise.ts';
import type { SavedRules } from './parse.ts';
import { declareRules } from './plan.ts';

/**
 * Learns how iptables-save prints declared rules with unknown extensions, from the rules that were just
 * restored. A saved rule counts only if it differs in nothing but the values of the extensions: another
 * program may have changed it. Returns the new spellings together with those in `known` that still apply.
 */
export function learnSpellings(
  saved: SavedRules,
  tables: readonly TableSpec[],
  family: Family,
  known: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const spellings = new Map<string, string>();
  const learn = (rule: DeclaredRule, candidates: readonly string[]): void => {
    if (rule.exact) {
      return;
    }
    const before = known.get(rule.key);
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
    for (const { spec, rule } of declareJumps(table, family)) {
      learn(rule, rule.exact ? [] : rulesOf(spec.from).filter((text) => text.endsWith(` ${spec.to}`)));
    }
  }
  return spellings;
}
