/** A chain of a saved table. */
export interface SavedChain {
  /** `ACCEPT` or `DROP` for a built-in chain, `-` for any other. */
  readonly policy: string;
  /** Rules in order, without counters and `-A CHAIN `. */
  readonly rules: readonly string[];
}

/** A table in the output of iptables-save. */
export interface SavedTable {
  readonly chains: ReadonlyMap<string, SavedChain>;
}

/** The parsed output of iptables-save. */
export interface SavedRules {
  readonly tables: ReadonlyMap<string, SavedTable>;
  /** Names of tables with rules that only nft(8) can show. */
  readonly incompatible: readonly string[];
}

/**
 * Parses the output of iptables-save, with or without counters. Rules stay text: a node can have tens of
 * thousands, and few of them are compared.
 */
export function parseSave(text: string): SavedRules {
  const tables = new Map<string, SavedTable>();
  const incompatible: string[] = [];
  let chains = new Map<string, { policy: string; rules: string[] }>();
  for (const line of text.split('\n')) {
    const first = line[0];
    if (first === '*') {
      chains = new Map();
      tables.set(line.slice(1).trim(), { chains });
    } else if (first === ':') {
      const [name = '', policy = '-'] = line.slice(1).split(' ');
      chains.set(name, { policy, rules: [] });
    } else if (first === '-' || first === '[') {
      const start = line.indexOf('-A ');
      if (start < 0) {
        continue;
      }
      const space = line.indexOf(' ', start + 3);
      const name = line.slice(start + 3, space < 0 ? undefined : space);
      chains.get(name)?.rules.push(space < 0 ? '' : line.slice(space + 1).trimEnd());
    } else if (first === '#') {
      const table = /^# Table `(\S+)' is incompatible/.exec(line)?.[1];
      if (table !== undefined) {
        incompatible.push(table);
      }
    }
  }
  return { tables, incompatible };
}
