import type { PolicyCompiler, Ruleset } from '@cnikit/policy';
import type { Scope } from './rules.ts';

/** The table in the kernel. */
export interface Table {
  readonly commits: number;
  apply(changes: ReturnType<PolicyCompiler['apply']>): void;
  /** Returns the addresses of pods that the table had and the ruleset has not. */
  rebuild(ruleset: Ruleset, scope: Scope): string[];
  difference(ruleset: Ruleset): string | undefined;
}
