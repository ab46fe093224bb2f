/** Reads and writes the packet filter rules of both families. */

import { type Family, families } from '@cnikit/ip';
import {
  type BackendReport,
  type Iptables,
  IptablesError,
  openIptables,
  type TableSpec,
} from '@cnikit/iptables';
import type { RuleAction } from '../core/action.ts';
import { CHAIN_PREFIX, MASQUERADE_CHAIN } from '../core/names.ts';
import { runProgram } from './run-program.ts';

export type DesiredRules = Readonly<Record<Family, readonly TableSpec[]>>;

export interface Rules {
  /** Returns what `apply` would change. */
  plan(desired: DesiredRules): RuleAction[];
  /** Returns what `apply` would change for one family. */
  planFamily(family: Family, desired: readonly TableSpec[]): RuleAction[];
  /** Returns the backend in use for a family, and what both backends hold. */
  report(family: Family): BackendReport;
  /** Returns whether the agent's rules in the kernel match sets; undefined without rules that could. */
  matchSets(): boolean | undefined;
  /** Reads the rules, and writes only those that differ. Returns what changed. */
  apply(desired: DesiredRules): RuleAction[];
}

type Variant = 'nft' | 'legacy';

export interface RulesOptions {
  /** Opens the rules of a variant; without one, of the variant that the host uses. */
  open?: (family: Family, variant?: Variant) => Iptables;
  /**
   * Returns the variants of iptables that may hold rules of the agent. A removal opens these only, and runs no program
   * when there are none.
   *
   * @default the variant that the host uses
   */
  variants?: (family: Family) => readonly Variant[];
}

/** Creates the access to the rules. `env` may name the iptables backend; see {@link openIptables}. */
export function createRules(
  env: NodeJS.ProcessEnv,
  {
    open = (family, backend) =>
      openIptables({
        family,
        prefix: CHAIN_PREFIX,
        env,
        run: runProgram,
        ...(backend && { backend }),
      }),
    variants,
  }: RulesOptions = {},
): Rules {
  const handles = new Map<string, Iptables>();
  const handle = (family: Family, variant?: Variant): Iptables => {
    const key = `${family} ${variant}`;
    const opened = handles.get(key) ?? open(family, variant);
    handles.set(key, opened);
    return opened;
  };
  /** Runs `body` on the variant in use; a removal on each variant that may hold rules and is installed. */
  const onVariants = (
    family: Family,
    tables: readonly TableSpec[],
    body: (iptables: Iptables) => readonly string[],
  ): RuleAction[] => {
    if (variants === undefined || tables.some(({ chains }) => Object.keys(chains).length > 0)) {
      return lines(family, body(handle(family)));
    }
    return variants(family).flatMap((variant) => {
      try {
        return lines(family, body(handle(family, variant)));
      } catch (error) {
        // Rules that no installed program can list are of another program.
        if (variant === 'legacy' && error instanceof IptablesError && error.code === 'MISSING') {
          return [];
        }
        throw error;
      }
    });
  };
  const planFamily = (family: Family, tables: readonly TableSpec[]): RuleAction[] =>
    onVariants(family, tables, (iptables) => iptables.plan(tables).diff);
  return {
    plan: (desired) => families.flatMap((family) => planFamily(family, desired[family])),
    planFamily,
    report: (family) => handle(family).report(),
    matchSets: () => {
      // A plan that empties the chain lists its rules.
      const tables = [{ table: 'nat', chains: { [MASQUERADE_CHAIN]: [] } }] as const;
      const rules = families
        .flatMap((family) => planFamily(family, tables))
        .filter(({ line }) => line.startsWith('- ') && line.includes(` ${MASQUERADE_CHAIN} `));
      return rules.length === 0 ? undefined : rules.some(({ line }) => line.includes('--match-set'));
    },
    apply: (desired) =>
      families.flatMap((family) =>
        onVariants(family, desired[family], (iptables) => iptables.ensure(desired[family]).diff),
      ),
  };
}

/**
 * Returns whether the FORWARD chain of legacy iptables drops packets that none of its rules accepts; false when its
 * programs are not installed.
 */
export const legacyDrops = (env: NodeJS.ProcessEnv, family: Family): boolean =>
  ofLegacy(env, family, (iptables) => iptables.dropsByDefault('filter', 'FORWARD')) ?? false;

/** Returns whether a rule of legacy iptables ends POSTROUTING, which exempts packets from masquerading behind it. */
export const legacyExempts = (env: NodeJS.ProcessEnv, family: Family): boolean =>
  ofLegacy(env, family, (iptables) => iptables.rules('nat', 'POSTROUTING'))?.some((rule) =>
    / -j (ACCEPT|RETURN)$/.test(` ${rule}`),
  ) ?? false;

/** Returns undefined when the programs of legacy iptables are not installed. */
function ofLegacy<T>(env: NodeJS.ProcessEnv, family: Family, body: (iptables: Iptables) => T): T | undefined {
  try {
    return body(openIptables({ family, env, backend: 'legacy' }));
  } catch (error) {
    if (error instanceof IptablesError && error.code === 'MISSING') {
      return undefined;
    }
    throw error;
  }
}

/** Moves the sign, which the library puts behind the table, to the front. */
function lines(family: Family, diff: readonly string[]): RuleAction[] {
  return diff.map((line) => ({ kind: 'rule', family, line: line.replace(/^(\w+): (\S) /, '$2 $1 ') }));
}
