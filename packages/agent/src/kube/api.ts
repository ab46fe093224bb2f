/** Finds the API server and writes the agent's own Node. */
import { existsSync } from 'node:fs';
import { apiRequest, inClusterConfig, type KubeConfigLike, type WatchError } from '@cnikit/watch';
import { AgentError } from '../core/error.ts';
import { USER_AGENT } from '../core/names.ts';

/** Directory of the ServiceAccount's credentials in a pod. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** How to reach the API server. */
export interface ApiAccess {
  /** Undefined: the pod's service account. */
  kubeconfig?: string | undefined;
  /** URL that replaces the server of the kubeconfig. */
  apiServer?: string | undefined;
}

/** @throws {AgentError} `USAGE` when there are no credentials or no current cluster. */
export async function loadKubeConfig(
  { kubeconfig, apiServer }: ApiAccess,
  env: Readonly<Record<string, string | undefined>>,
): Promise<KubeConfigLike> {
  const config = kubeconfig === undefined ? inCluster(env) : await fromFile(kubeconfig);
  if (apiServer === undefined) {
    return config;
  }
  // kubernetes/kubernetes#77061: the Service's address needs kube-proxy, which may start after the agent.
  return {
    getCurrentCluster: () => ({ ...config.getCurrentCluster(), server: apiServer }),
    getCurrentUser: () => config.getCurrentUser(),
    applyToHTTPSOptions: (options) => config.applyToHTTPSOptions(options),
    renewCredentials: () => config.renewCredentials?.(),
  };
}

function inCluster(env: Readonly<Record<string, string | undefined>>): KubeConfigLike {
  if (env.KUBERNETES_SERVICE_HOST === undefined || !existsSync(SERVICE_ACCOUNT)) {
    throw new AgentError(
      'USAGE',
      'No service account found: outside of a pod, set --kubeconfig to reach the API server',
    );
  }
  return inClusterConfig(env);
}

async function fromFile(file: string): Promise<KubeConfigLike> {
  // Loaded on demand, and not from the package's root, which loads all generated APIs.
  const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
  const load = (): KubeConfigLike => {
    const config = new KubeConfig();
    try {
      config.loadFromFile(file);
    } catch (error) {
      const { message } = error as Error;
      throw new AgentError('USAGE', `Cannot read the kubeconfig ${file}: ${message}`, { cause: error });
    }
    if (config.getCurrentCluster() === null) {
      throw new AgentError('USAGE', `The kubeconfig ${file} has no current context: set current-context`);
    }
    return config;
  };
  let config = load();
  return {
    getCurrentCluster: () => config.getCurrentCluster(),
    getCurrentUser: () => config.getCurrentUser(),
    applyToHTTPSOptions: (options) => config.applyToHTTPSOptions(options),
    // A new KubeConfig has no cached credentials, and reads a file that was rotated.
    renewCredentials: () => {
      try {
        config = load();
      } catch (error) {
        if (!(error instanceof AgentError)) {
          throw error;
        }
      }
    },
  };
}

/**
 * Sets condition NetworkUnavailable of a node to False.
 *
 * @throws {WatchError} when the request fails
 */
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
  const request = {
    method: 'PATCH',
    path: `${nodePath(nodeName)}/status`,
    contentType: 'application/strategic-merge-patch+json',
    body: { status: { conditions: [condition] } },
  } as const;
  await apiRequest(config, request, USER_AGENT);
}

/** Attempts when other writers change the Node at the same time. */
const MAX_TAINT_ATTEMPTS = 3;

/**
 * Removes the taints with this key from a node and keeps the others.
 *
 * @throws {WatchError} when a request fails
 */
export async function removeTaint(config: KubeConfigLike, nodeName: string, key: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const node = (await apiRequest(config, { method: 'GET', path: nodePath(nodeName) }, USER_AGENT)) as {
      metadata: { resourceVersion: string };
      spec?: { taints?: Array<{ key: string }> };
    };
    const taints = node.spec?.taints ?? [];
    const rest = taints.filter((taint) => taint.key !== key);
    if (rest.length === taints.length) {
      return;
    }
    try {
      // The patch replaces the whole list; resourceVersion makes it fail if the list has changed since.
      const request = {
        method: 'PATCH',
        path: nodePath(nodeName),
        contentType: 'application/merge-patch+json',
        body: {
          metadata: { resourceVersion: node.metadata.resourceVersion },
          spec: { taints: rest.length === 0 ? null : rest },
        },
      } as const;
      await apiRequest(config, request, USER_AGENT);
      return;
    } catch (error) {
      if (attempt === MAX_TAINT_ATTEMPTS || (error as WatchError).status !== 409) {
        throw error;
      }
    }
  }
}

const nodePath = (name: string): string => `/api/v1/nodes/${encodeURIComponent(name)}`;
