import type { Family, TableSpec } from './model.ts';
import { normaliseSaved } from './normalise.ts';
import type { SavedRules } from './parse.ts';
import { declareRules } from './plan.ts';

/**
 * Learns how iptables-save prints declared rules whose extensions are not known here, by reading back what was
 * just restored. A pair is believed only when everything but the extensions' own values is the same, so that a
 * rule changed by somebody else in between is not taken for ours. Keeps what was known.
 */
export function learnSpellings(
  saved: SavedRules,
  tables: readonly TableSpec[],
  family: Family,
  known: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const spellings = new Map<string, string>();
  for (const { table, chains } of tables) {
    for (const [name, specs] of Object.entries(chains)) {
      const current = saved.tables.get(table)?.chains.get(name)?.rules ?? [];
      declareRules(specs, name, family).forEach((rule, i) => {
        if (rule.exact) return;
        const before = known.get(rule.key);
        if (before !== undefined) spellings.set(rule.key, before);
        const found =
          current.length === specs.length ? normaliseSaved(current[i] as string, family) : undefined;
        if (found !== undefined && found.shape === rule.shape) spellings.set(rule.key, found.key);
      });
    }
  }
  return spellings;
}
