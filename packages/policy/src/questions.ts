/**
 * Questions of people about a cluster, as `cnikit-policy` and `cnikit-agent policy` answer them.
 *
 * ```ts
 * import { answers, parseDestination, readLiveCluster } from '@cnikit/policy/questions';
 *
 * const cluster = await readLiveCluster(kubeConfig, { timeoutMs: 10_000 });
 * console.log(answers.why(cluster, { from: 'shop/web', to: parseDestination('shop/db:5432') }).text);
 * ```
 *
 * @module
 */
export { type Answer, answers } from './questions/answers.ts';
export {
  type LiveOptions,
  listObjects,
  POLICY_RESOURCES,
  type PolicyResource,
  readLiveCluster,
} from './questions/live-cluster.ts';
export {
  type Destination,
  parseDestination,
  parseService,
  type Question,
  QuestionError,
} from './questions/question.ts';
