import type { Family } from '@cnikit/ip';
import { type BackendReport, detectBackend, openPrograms, wantedBackend } from './backend.ts';
import { checkTables } from './check.ts';
import { IptablesError } from './errors.ts';
import type { Backend, Run, TableSpec } from './model.ts';
import { nodeEnvironment, nodeRun } from './node-run.ts';
import { parseSave, type SavedRules } from './parse.ts';
import { type Plan, type PlanOptions, planRemoval, planTables } from './plan.ts';
import { isContention, type Programs, restore, save } from './runner.ts';
import { learnSpellings } from './spelling.ts';

/** Restores before giving up on rules that somebody else keeps changing. */
const ATTEMPTS = 5;

/** How to open {@link openIptables}. */
export interface IptablesOptions {
  readonly family: Family;
  /** Without it, the backend that already holds the rules of this host. */
  readonly backend?: Backend;
  /**
   * With a prefix, every chain whose name begins so is owned: one that is no longer declared is removed. Without,
   * only the declared chains are owned.
   */
  readonly prefix?: string;
  /** Runs the programs; the default spawns them in this process's network namespace. */
  readonly run?: Run;
  /** Where `CNIKIT_IPTABLES_BACKEND=nft|legacy` is looked up; the default is this process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** What a call did. */
export interface Outcome {
  /** True when something was written. */
  readonly changed: boolean;
  /** One line for each change. */
  readonly diff: readonly string[];
}

/** A handle on the rules of one family. It holds no resource and need not be closed. */
export interface Iptables {
  readonly family: Family;
  /**
   * Makes the tables as declared. Reads once; when nothing differs, writes nothing; otherwise writes one restore
   * and reads again to see that it held. Throws {@link IptablesError}.
   */
  ensure(tables: readonly TableSpec[]): Outcome;
  /** What `ensure` would do: the dry run. Writes nothing. */
  plan(tables: readonly TableSpec[]): Plan;
  /** Removes the declared chains (with a prefix, all that begin with it in these tables) and every jump to them. */
  remove(tables: readonly TableSpec[]): Outcome;
  /** The backend in use, why, and what both backends hold. */
  report(): BackendReport;
}

/** Opens the rules of one family. Runs nothing until the first call. */
export function openIptables(options: IptablesOptions): Iptables {
  const { family, prefix, run = nodeRun } = options;
  let opened: Programs | undefined;
  let spellings: ReadonlyMap<string, string> = new Map();

  const wanted = () =>
    wantedBackend(options.backend, (options.env ?? nodeEnvironment()).CNIKIT_IPTABLES_BACKEND);
  const open = (): Programs => {
    opened ??= openPrograms(run, family, wanted());
    return opened;
  };
  const planOptions = (): PlanOptions => ({ family, spellings, ...(prefix === undefined ? {} : { prefix }) });
  const read = (tables: readonly TableSpec[]): SavedRules => {
    const [only, ...others] = tables;
    return parseSave(save(run, open(), others.length === 0 ? only?.table : undefined));
  };

  /** Reads, plans and restores until a reading needs no plan. */
  const converge = (tables: readonly TableSpec[], plan: (saved: SavedRules) => Plan): Outcome => {
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
      const next = plan(saved);
      if (!next.changed) {
        return { changed: diff.length > 0, diff };
      }
      if (round === ATTEMPTS) {
        throw refused?.error ?? unstable(next);
      }
      try {
        restore(run, open(), next.payload);
        diff.push(...next.diff);
        refused = undefined;
      } catch (error) {
        // Nobody wrote in between when the new reading gives the same plan: it would be refused for ever.
        if (!isContention(error) || refused?.payload === next.payload) {
          throw error;
        }
        refused = { payload: next.payload, error };
      }
    }
  };

  return {
    family,
    ensure: (tables) => converge(tables, (saved) => planTables(saved, tables, planOptions())),
    plan: (tables) => {
      checkTables(tables, prefix);
      return planTables(read(tables), tables, planOptions());
    },
    remove: (tables) => converge(tables, (saved) => planRemoval(saved, tables, planOptions())),
    report: () => detectBackend(run, family, wanted(), prefix),
  };
}

function unstable({ diff }: Plan): IptablesError {
  return new IptablesError(
    'UNSTABLE',
    `The rules still differ after ${ATTEMPTS} restores; another program keeps changing them: ${diff[0]}`,
  );
}
