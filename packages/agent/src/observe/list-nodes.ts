/** Lists the Nodes of the API once. */
import type { KubeConfigLike } from '@cnikit/watch';
import { AgentError } from '../core/error.ts';
import { Metrics } from '../core/metrics.ts';
import type { NodeInfo } from '../core/model.ts';
import { watchNodes } from './nodes.ts';

/** @throws {AgentError} `API` when the list does not arrive within `timeoutMs` */
export async function listNodes(kubeConfig: KubeConfigLike, timeoutMs: number): Promise<NodeInfo[]> {
  const ended = new AbortController();
  const signal = AbortSignal.any([ended.signal, AbortSignal.timeout(timeoutMs)]);
  let cause: Error | undefined;
  try {
    for await (const change of watchNodes(kubeConfig, new Metrics(), signal)) {
      if (change.type === 'synced') {
        return [...change.objects.values()];
      }
      if (change.type === 'stale') {
        cause = change.error;
      }
    }
  } finally {
    ended.abort();
  }
  const reason = cause === undefined ? '' : `: ${cause.message}`;
  throw new AgentError('API', `The API server did not list its Nodes within ${timeoutMs / 1000} s${reason}`, {
    cause,
  });
}
