/** How to reach the API server, and the one write the agent makes to it. */
import { existsSync, readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { inClusterConfig, type KubeConfigLike } from '@cnikit/watch';
import type { Config } from './config.ts';
import { AgentError } from './error.ts';

/** Where a pod finds the credentials of its ServiceAccount. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const TIMEOUT_MS = 30_000;

/** Throws {@link AgentError} `USAGE` when there is no way to reach an API server. */
export async function loadKubeConfig(
  { kubeconfig, apiServer }: Pick<Config, 'kubeconfig' | 'apiServer'>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<KubeConfigLike> {
  const config = kubeconfig === undefined ? inCluster(env) : await fromFile(kubeconfig);
  if (apiServer === undefined) return config;
  // kubernetes/kubernetes#77061: the Service's address needs kube-proxy, which may come after us.
  return {
    getCurrentCluster: () => ({ ...config.getCurrentCluster(), server: apiServer }),
    getCurrentUser: () => config.getCurrentUser(),
    applyToHTTPSOptions: (options) => config.applyToHTTPSOptions(options),
  };
}

function inCluster(env: Readonly<Record<string, string | undefined>>): KubeConfigLike {
  if (env.KUBERNETES_SERVICE_HOST === undefined || !existsSync(SERVICE_ACCOUNT))
    throw new AgentError(
      'USAGE',
      'This is not a pod of a cluster: give --kubeconfig FILE to reach the API server',
    );
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
  if (config.getCurrentCluster() === null)
    throw new AgentError('USAGE', `The kubeconfig ${file} has no current context: set current-context in it`);
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
  await patch(config, `/api/v1/nodes/${encodeURIComponent(nodeName)}/status`, {
    status: { conditions: [condition] },
  });
}

async function patch(config: KubeConfigLike, path: string, body: unknown): Promise<void> {
  const url = new URL(config.getCurrentCluster()!.server.replace(/\/+$/, '') + path);
  const options = await requestOptions(config);
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

/** With the credentials that the files hold now: tokens and certificates are rotated. */
async function requestOptions(config: KubeConfigLike): Promise<RequestOptions> {
  const options: RequestOptions & { headers: Record<string, string> } = { headers: {} };
  await config.applyToHTTPSOptions(options);
  const provider = config.getCurrentUser()?.authProvider as { config?: { tokenFile?: string } } | undefined;
  const file = provider?.config?.tokenFile;
  if (file !== undefined) options.headers.Authorization = `Bearer ${readFileSync(file, 'utf8').trim()}`;
  // KubeConfig's agent keeps the certificates that it was made with; only a proxy needs it.
  if (!config.getCurrentCluster()?.proxyUrl) options.agent = false;
  return options;
}
