/** Reads the Nodes and the agent's permissions from the API server. */
import { apiRequest, type KubeConfigLike } from '@cnikit/watch';
import type { NodeInfo } from '../../core/model.ts';
import { USER_AGENT } from '../../core/names.ts';
import { listNodes } from '../../observe/list-nodes.ts';
import type { Access, ApiFacts } from './facts.ts';

/** Options that need further permissions. */
export interface AccessOptions {
  readinessTaint?: string | undefined;
  networkPolicy: boolean;
}

/** Returns the permissions that the agent uses. */
export function accessNeeded({ readinessTaint, networkPolicy }: AccessOptions): Access[] {
  const nodes = { resource: 'nodes', needed: true };
  const events = { resource: 'events', namespace: 'default', needed: false };
  return [
    { ...nodes, verb: 'list', use: 'to learn the pod networks of other nodes' },
    { ...nodes, verb: 'watch', use: 'to follow the pod networks of other nodes' },
    { ...nodes, verb: 'get', use: 'to read its own node' },
    {
      verb: 'patch',
      resource: 'nodes/status',
      use: 'to set condition NetworkUnavailable to False',
      needed: true,
    },
    { ...events, verb: 'create', use: 'to report problems as Events' },
    { ...events, verb: 'patch', use: 'to update the count of a repeated Event' },
    ...(networkPolicy ? POLICY_ACCESS : []),
    ...(readinessTaint === undefined
      ? []
      : [{ ...nodes, verb: 'patch', use: `to remove the taint ${readinessTaint}` }]),
  ];
}

const POLICY_ACCESS: readonly Access[] = (
  [
    ['pods', ''],
    ['namespaces', ''],
    ['networkpolicies', 'networking.k8s.io'],
  ] as const
).flatMap(([resource, group]) =>
  ['list', 'watch'].map((verb) => ({
    verb,
    resource,
    group,
    use: 'to enforce NetworkPolicies',
    manifest: 'deploy/overlays/network-policy/rbac.yaml',
    needed: true,
  })),
);

export async function gatherApi(
  kubeConfig: KubeConfigLike,
  options: AccessOptions,
  timeoutMs: number,
): Promise<{ api: ApiFacts; nodes?: NodeInfo[] }> {
  const server = kubeConfig.getCurrentCluster()?.server ?? '';
  const needed = accessNeeded(options);
  const [nodes, access] = await Promise.all([
    listNodes(kubeConfig, timeoutMs).catch((error: Error) => error),
    Promise.all(needed.map((each) => review(kubeConfig, each, timeoutMs))),
  ]);
  if (nodes instanceof Error) {
    const { message } = nodes.cause instanceof Error ? nodes.cause : nodes;
    return { api: { server, error: message, access } };
  }
  return { api: { server, access }, nodes };
}

/** Checks one permission with a SelfSubjectAccessReview, which every authenticated user may create. */
async function review(kubeConfig: KubeConfigLike, access: Access, timeoutMs: number): Promise<Access> {
  const { verb, namespace, group = '' } = access;
  const [resource, subresource] = access.resource.split('/');
  try {
    const request = {
      method: 'POST',
      path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
      body: {
        apiVersion: 'authorization.k8s.io/v1',
        kind: 'SelfSubjectAccessReview',
        spec: { resourceAttributes: { verb, group, resource, subresource, namespace } },
      },
      timeoutMs,
    } as const;
    const answer = (await apiRequest(kubeConfig, request, USER_AGENT)) as { status?: { allowed?: boolean } };
    return { ...access, allowed: answer.status?.allowed };
  } catch {
    return access;
  }
}
