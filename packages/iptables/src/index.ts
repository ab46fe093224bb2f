/**
 * Declarative iptables: declare chains and rules, and one atomic iptables-restore applies the difference.
 *
 * ```ts
 * import { openIptables } from '@cnikit/iptables';
 *
 * const ipt = openIptables({ family: 'ipv4', prefix: 'DEMO-', env: process.env });
 * const { changed, diff } = ipt.ensure([
 *   {
 *     table: 'filter',
 *     chains: { 'DEMO-FORWARD': [['-s', '10.244.1.0/24', '-j', 'ACCEPT']] },
 *     jumps: [{ from: 'FORWARD', to: 'DEMO-FORWARD', at: 'first' }],
 *   },
 * ]);
 * console.log(changed, diff.join('\n'));
 * ```
 *
 * @module
 */
export type { Family } from '@cnikit/ip';
export type { BackendReason, BackendReport, BackendState } from './backend.ts';
export { IptablesError, type IptablesErrorCode, type IptablesErrorDetails } from './errors.ts';
export { type Iptables, type IptablesOptions, type Outcome, openIptables } from './iptables.ts';
export type {
  Backend,
  JumpSpec,
  Match,
  Negatable,
  PlanOptions,
  Position,
  Rule,
  RuleSpec,
  Run,
  RunResult,
  TableName,
  TableSpec,
} from './model.ts';
export { type DeclaredRule, declareRule, type NormalRule, normaliseSaved } from './normalise.ts';
export { parseSave, type SavedChain, type SavedRules, type SavedTable } from './parse.ts';
export { type Plan, planRemoval, planTables } from './plan.ts';
