import type { Family } from '@cnikit/ip';
import { type BackendReport, detectBackend, openPrograms, wantedBackend } from './backend.ts';
import { checkTables } from './check.ts';
import { compareRules, type Pair } from './compare.ts';
import { IptablesError } from './errors.ts';
import type { Backend, PlanOptions, Run, TableName, TableSpec } from './model.ts';
import { nodeRun } from './node-run.ts';
import { parseSave, type SavedRules } from './parse.ts';
import { type Plan, planRemoval, planTables } from './plan.ts';
import { checkKeys } from './rule-argv.ts';
import { isContention, type Programs, restore, save } from './runner.ts';
import { compareSpellings, learnSpellings } from './spelling.ts';
import { dropsByDefault } from './verdicts.ts';

/** Number of restores before giving up on rules that another program keeps changing. */
const MAX_RESTORES = 5;

/** Options of {@link openIptables}. */
export interface IptablesOptions {
  readonly family: Family;
  /**
   * Environment variables, usually `process.env`. Without `backend`, `CNIKIT_IPTABLES_BACKEND=nft|legacy` names the
   * backend.
   */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** @default the backend that the host uses, see {@link BackendReport} */
  readonly backend?: Backend;
  /**
   * Own every chain whose name starts with this prefix: a chain that is no longer declared is removed.
   *
   * @default only the declared chains are owned
   */
  readonly prefix?: string;
  /**
   * Runs the programs.
   *
   * @default spawns them in the network namespace of this process
   */
  readonly run?: Run;
}

/** Result of `ensure()` and `remove()`. */
export interface Outcome {
  /** True when something was written. */
  readonly changed: boolean;
  /** One line for each change. */
  readonly diff: readonly string[];
}

/** Access to the rules of one family. It holds no resource and needs no close. */
export interface Iptables {
  readonly family: Family;
  /**
   * Makes the tables match their declaration. Reads the rules once and, if nothing differs, writes nothing.
   * Otherwise runs one iptables-restore and reads the rules again to verify the result.
   *
   * @throws {IptablesError} with a `code` to branch on
   */
  ensure(tables: readonly TableSpec[]): Outcome;
  /**
   * Returns what `ensure()` would change, and writes nothing.
   *
   * @throws {IptablesError}
   */
  plan(tables: readonly TableSpec[]): Plan;
  /**
   * Removes the declared chains, with a prefix all owned chains of these tables, and every jump to them.
   *
   * @throws {IptablesError}
   */
  remove(tables: readonly TableSpec[]): Outcome;
  /**
   * Returns the rules of a chain as iptables-save prints them, without `-A CHAIN`; none if it does not exist.
   *
   * @throws {IptablesError}
   */
  rules(table: TableName, chain: string): readonly string[];
  /**
   * Returns whether a chain drops or rejects every packet that none of its rules accepts, by its policy or a rule.
   *
   * @throws {IptablesError}
   */
  dropsByDefault(table: TableName, chain: string): boolean;
  /** Returns the backend in use, the reason for it, and what both backends hold. */
  report(): BackendReport;
}

const OPTION_KEYS: readonly (keyof IptablesOptions)[] = ['family', 'env', 'backend', 'prefix', 'run'];

/** @throws {IptablesError} `INVALID` */
function checkOptions(options: IptablesOptions): void {
  checkKeys('options', options, OPTION_KEYS);
  const { family, backend } = options;
  if (family !== 'ipv4' && family !== 'ipv6') {
    throw new IptablesError('INVALID', `Invalid family ${JSON.stringify(family)}: expected ipv4 or ipv6`);
  }
  if (backend !== undefined && backend !== 'nft' && backend !== 'legacy') {
    throw new IptablesError('INVALID', `Invalid backend ${JSON.stringify(backend)}: expected nft or legacy`);
  }
}

/**
 * Opens the rules of one family. Runs no program before the first call of a method.
 *
 * @throws {IptablesError} `INVALID` for unknown options
 */
export function openIptables(options: IptablesOptions): Iptables {
  checkOptions(options);
  const { family, env, prefix, run = nodeRun } = options;
  let opened: Programs | undefined;
  let spellings: ReadonlyMap<string, string> = new Map();

  const wanted = () => wantedBackend(options.backend, env.CNIKIT_IPTABLES_BACKEND);
  const open = (): Programs => {
    opened ??= openPrograms(run, family, wanted());
    return opened;
  };
  const planOptions = (): PlanOptions => ({ family, spellings, prefix });
  const read = (tables: readonly TableSpec[]): SavedRules => {
    const [only, ...others] = tables;
    return parseSave(save(run, open(), others.length === 0 ? only?.table : undefined));
  };

  const savedTable = (table: TableName) => read([{ table, chains: {} }]).tables.get(table);

  /** Plans, and if something differs compares rules whose spelling is unknown before it plans again. */
  const settle = (tables: readonly TableSpec[], saved: SavedRules, doubt: boolean): Plan => {
    const plan = (saved: SavedRules) => planTables(saved, tables, planOptions());
    const first = plan(saved);
    if (!first.changed) {
      return first;
    }
    const before = spellings;
    const compare = (table: string, pairs: readonly Pair[]) => compareRules(run, open(), table, pairs);
    spellings = compareSpellings(saved, tables, family, before, compare, doubt);
    return spellings === before ? first : plan(saved);
  };

  /** Reads, plans and restores until the plan is empty. */
  const converge = (
    tables: readonly TableSpec[],
    plan: (saved: SavedRules, written: boolean) => Plan,
  ): Outcome => {
    checkTables(tables, prefix);
    if (tables.length === 0) {
      return { changed: false, diff: [] };
    }
    const diff: string[] = [];
    let refused: { payload: string; error: unknown } | undefined;
    for (let round = 0; ; round++) {
      const saved = read(tables);
      if (diff.length > 0) {
        spellings = learnSpellings(saved, tables, family, spellings);
      }
      const next = plan(saved, diff.length > 0);
      if (!next.changed) {
        return { changed: diff.length > 0, diff };
      }
      if (round === MAX_RESTORES) {
        throw refused?.error ?? unstable(next);
      }
      try {
        restore(run, open(), next.payload);
        diff.push(...next.diff);
        refused = undefined;
      } catch (error) {
        // The same plan again means that no other program wrote in between, so a retry cannot succeed.
        if (!isContention(error) || refused?.payload === next.payload) {
          throw error;
        }
        refused = { payload: next.payload, error };
      }
    }
  };

  return {
    family,
    ensure: (tables) => converge(tables, (saved, written) => settle(tables, saved, written)),
    plan: (tables) => {
      checkTables(tables, prefix);
      return settle(tables, read(tables), false);
    },
    remove: (tables) => converge(tables, (saved) => planRemoval(saved, tables, planOptions())),
    rules: (table, chain) => savedTable(table)?.chains.get(chain)?.rules ?? [],
    dropsByDefault: (table, chain) => dropsByDefault(savedTable(table), chain),
    report: () => detectBackend(run, family, wanted(), prefix),
  };
}

function unstable({ diff }: Plan): IptablesError {
  return new IptablesError(
    'UNSTABLE',
    `The rules still differ after ${MAX_RESTORES} restores. Another program keeps changing them, or iptables-save prints this rule in a way that iptables itself does not find equal (then declare it as iptables-save prints it): ${diff[0]}`,
  );
}
