/**
 * Kubernetes NetworkPolicy as pure functions, for tests, tools and network agents. Does no I/O.
 *
 * ```ts
 * import { decide, readCluster } from '@cnikit/policy';
 *
 * const verdict = decide(readCluster(objects), 'shop/web', 'shop/db', 'TCP', 5432);
 * console.log(verdict.allowed, verdict.ingress.rules);
 * ```
 *
 * @module
 */
export type {
  ClusterObject,
  Container,
  ContainerPort,
  EgressRule,
  IngressRule,
  Namespace,
  NetworkPolicy,
  Node,
  Peer,
  Pod,
  PolicyPort,
  PortProtocol,
} from './api.ts';
export { type Cluster, readCluster, readObject } from './cluster.ts';
export { compile, PolicyCompiler } from './compile/compiler.ts';
export { type Connection, type Evaluation, evaluate } from './compile/evaluate.ts';
export type { PolicyEvent } from './compile/inventory.ts';
export { formatNft, type NftOptions } from './compile/nft.ts';
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
export { type DirectionVerdict, decide, type Protocol, type Verdict } from './decide.ts';
export { ArgumentError, EndpointError, InvalidObjectError } from './errors.ts';
export { type Finding, findings } from './findings.ts';
export type { LabelExpression, LabelSelector, Labels } from './labels.ts';
export { formatMatrix, type Matrix, type MatrixQuestion, matrix, type Service } from './matrix.ts';
export { expandManifests } from './workloads.ts';
