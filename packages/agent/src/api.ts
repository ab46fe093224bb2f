/** How to reach the API server, and the one write the agent makes to it. */
import { existsSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
// Not from the package's root: that loads every API there is, 80 MB of it.
import { KubeConfig } from '@kubernetes/client-node/dist/config.js';
import type { Config } from './config.ts';
import { AgentError } from './error.ts';

const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const TIMEOUT_MS = 30_000;

/** Throws {@link AgentError} `USAGE` when there is no way to reach an API server. */
export function loadKubeConfig(
  { kubeconfig, apiServer }: Pick<Config, 'kubeconfig' | 'apiServer'>,
  env: Readonly<Record<string, string | undefined>>,
): KubeConfig {
  const config = new KubeConfig();
  if (kubeconfig !== undefined) {
    try {
      config.loadFromFile(kubeconfig);
    } catch (error) {
      throw new AgentError(
        'USAGE',
        `The kubeconfig ${kubeconfig} could not be read: ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
  } else if (env.KUBERNETES_SERVICE_HOST === undefined || !existsSync(SERVICE_ACCOUNT)) {
    throw new AgentError(
      'USAGE',
      'This is not a pod of a cluster: give --kubeconfig FILE to reach the API server',
    );
  } else config.loadFromCluster();
  if (config.getCurrentCluster() === null)
    throw new AgentError(
      'USAGE',
      `The kubeconfig ${kubeconfig} has no current context: set current-context in it`,
    );
  if (apiServer !== undefined) {
    // kubernetes/kubernetes#77061: the Service's address needs kube-proxy, which may come after us.
    const { name } = config.getCurrentCluster()!;
    config.clusters = config.clusters.map((cluster) =>
      cluster.name === name ? { ...cluster, server: apiServer } : cluster,
    );
  }
  return config;
}

/** Sets condition NetworkUnavailable of a node to False. Rejects with {@link AgentError} `API`. */
export async function clearNetworkUnavailable(config: KubeConfig, nodeName: string): Promise<void> {
  const now = new Date().toISOString();
  const condition = {
    type: 'NetworkUnavailable',
    status: 'False',
    reason: 'CnikitIsUp',
    message: 'cnikit has programmed routes and rules on this node',
    lastTransitionTime: now,
    lastHeartbeatTime: now,
  };
  await patch(config, `/api/v1/nodes/${encodeURIComponent(nodeName)}/status`, {
    status: { conditions: [condition] },
  });
}

async function patch(config: KubeConfig, path: string, body: unknown): Promise<void> {
  const url = new URL(config.getCurrentCluster()!.server.replace(/\/+$/, '') + path);
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  const text = JSON.stringify(body);
  options.method = 'PATCH';
  options.signal = AbortSignal.timeout(TIMEOUT_MS);
  options.headers = {
    ...options.headers,
    'content-type': 'application/strategic-merge-patch+json',
    'content-length': Buffer.byteLength(text),
    accept: 'application/json',
    'user-agent': 'cnikit-agent',
  };
  const { status, answer } = await new Promise<{ status: number; answer: string }>((done, fail) => {
    const send = url.protocol === 'http:' ? httpRequest : httpsRequest;
    const request = send(url, options, async (response) => {
      try {
        let answer = '';
        for await (const chunk of response.setEncoding('utf8')) if (answer.length < 4096) answer += chunk;
        done({ status: response.statusCode ?? 0, answer });
      } catch (error) {
        fail(error);
      }
    });
    request.on('error', fail);
    request.end(text);
  }).catch((error: Error) => {
    throw new AgentError('API', `Cannot talk to ${url.origin}: ${error.message}`, { cause: error });
  });
  if (status < 200 || status > 299)
    throw new AgentError('API', `PATCH ${path}: status ${status}${reason(answer)}`);
}

/** The sentence of a `v1.Status`, if that is what came. */
function reason(answer: string): string {
  try {
    return `, ${(JSON.parse(answer) as { message: string }).message}`;
  } catch {
    return '';
  }
}
