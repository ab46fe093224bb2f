/**
 * Compiles policies to the rules of a node, without the schemas that check objects: for programs that run for months.
 *
 * ```ts
 * import { isPolicySpec, PolicyCompiler } from '@cnikit/policy/compile';
 *
 * const compiler = new PolicyCompiler('node-a');
 * if (isPolicySpec(spec)) {
 *   compiler.apply([{ type: 'put', object: { kind: 'NetworkPolicy', metadata, spec } }]);
 * }
 * ```
 *
 * @module
 */
export type { NetworkPolicy } from './api.ts';
export { PolicyCompiler } from './compile/compiler.ts';
export { type Connection, type Evaluation, evaluate } from './compile/evaluate.ts';
export type { PolicyEvent } from './compile/inventory.ts';
export {
  applyChanges,
  type Change,
  type Direction,
  emptyRuleset,
  OPEN,
  type PeerMatch,
  type Rule,
  type Ruleset,
  type ServiceMatch,
} from './compile/ruleset.ts';
export { isPolicySpec } from './policy-spec.ts';
