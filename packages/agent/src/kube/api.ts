/** How to reach the API server, and what the agent writes to its own Node. */
import { existsSync } from 'node:fs';
import { inClusterConfig, type KubeConfigLike } from '@cnikit/watch';
import { AgentError } from '../core/error.ts';
import { type ApiRequestError, apiRequest } from './api-request.ts';

/** Where a pod finds the credentials of its ServiceAccount. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** How to reach the API server. */
export interface ApiAccess {
  /** Absent: the service account of the pod. */
  kubeconfig?: string | undefined;
  /** URL that replaces the address of the server in the configuration. */
  apiServer?: string | undefined;
}

/** Throws {@link AgentError} `USAGE` when there is no way to reach an API server. */
export async function loadKubeConfig(
  { kubeconfig, apiServer }: ApiAccess,
  env: Readonly<Record<string, string | undefined>>,
): Promise<KubeConfigLike> {
  const config = kubeconfig === undefined ? inCluster(env) : await fromFile(kubeconfig);
  if (apiServer === undefined) {
    return config;
  }
  // kubernetes/kubernetes#77061: the Service's address needs kube-proxy, which may come after us.
  return {
    getCurrentCluster: () => ({ ...config.getCurrentCluster(), server: apiServer }),
    getCurrentUser: () => config.getCurrentUser(),
    applyToHTTPSOptions: (options) => config.applyToHTTPSOptions(options),
  };
}

function inCluster(env: Readonly<Record<string, string | undefined>>): KubeConfigLike {
  if (env.KUBERNETES_SERVICE_HOST === undefined || !existsSync(SERVICE_ACCOUNT)) {
    throw new AgentError(
      'USAGE',
      'This is not a pod of a cluster: give --kubeconfig FILE to reach the API server',
    );
  }
  return inClusterConfig(env);
}

async function fromFile(file: string): Promise<KubeConfigLike> {
  // Loaded only where there is a kubeconfig to read, and not from the package's root, which loads every API there is.
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const config = new KubeConfig();
  try {
    config.loadFromFile(file);
  } catch (error) {
    const { message } = error as Error;
    throw new AgentError('USAGE', `The kubeconfig ${file} could not be read: ${message}`, { cause: error });
  }
  if (config.getCurrentCluster() === null) {
    throw new AgentError('USAGE', `The kubeconfig ${file} has no current context: set current-context in it`);
  }
  return config;
}

/** Sets condition NetworkUnavailable of a node to False. Rejects with {@link AgentError} `API`. */
export async function clearNetworkUnavailable(config: KubeConfigLike, nodeName: string): Promise<void> {
  const now = new Date().toISOString();
  const condition = {
    type: 'NetworkUnavailable',
    status: 'False',
    reason: 'CnikitIsUp',
    message: 'cnikit has programmed routes and rules on this node',
    lastTransitionTime: now,
    lastHeartbeatTime: now,
  };
  await apiRequest(config, {
    method: 'PATCH',
    path: `${nodePath(nodeName)}/status`,
    type: 'application/strategic-merge-patch+json',
    body: { status: { conditions: [condition] } },
  });
}

/** How often to begin anew when somebody else changed the Node in between. */
const TAINT_ATTEMPTS = 3;

/** Removes the taints with this key from a node; others stay. Rejects with {@link AgentError} `API`. */
export async function removeTaint(config: KubeConfigLike, nodeName: string, key: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const node = (await apiRequest(config, { method: 'GET', path: nodePath(nodeName) })) as {
      metadata: { resourceVersion: string };
      spec?: { taints?: Array<{ key: string }> };
    };
    const taints = node.spec?.taints ?? [];
    const rest = taints.filter((taint) => taint.key !== key);
    if (rest.length === taints.length) {
      return;
    }
    try {
      // The list is replaced as a whole, so it must be the one that was read: the version says which.
      await apiRequest(config, {
        method: 'PATCH',
        path: nodePath(nodeName),
        type: 'application/merge-patch+json',
        body: {
          metadata: { resourceVersion: node.metadata.resourceVersion },
          spec: { taints: rest.length === 0 ? null : rest },
        },
      });
      return;
    } catch (error) {
      if (attempt === TAINT_ATTEMPTS || (error as ApiRequestError).status !== 409) {
        throw error;
      }
    }
  }
}

const nodePath = (name: string): string => `/api/v1/nodes/${encodeURIComponent(name)}`;
