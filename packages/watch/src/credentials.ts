import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { WatchError } from './errors.ts';
import type { KubeConfigLike } from './transport.ts';

/** client-node's KubeConfig. Its authenticators cache the credentials of an exec plugin until they expire, or for good. */
interface CachingConfig extends KubeConfigLike {
  loadFromOptions(options: object): void;
}

/** Copies with empty caches of configurations whose credentials the server refused. */
const renewed = new WeakMap<KubeConfigLike, CachingConfig>();

/** Makes the next request obtain its credentials again: the server refused those of the last one. */
export function renewCredentials(kubeConfig: KubeConfigLike): void {
  if (kubeConfig.renewCredentials !== undefined) {
    kubeConfig.renewCredentials();
  } else if (isCaching(kubeConfig)) {
    const Fresh = kubeConfig.constructor as new () => CachingConfig;
    renewed.set(kubeConfig, new Fresh());
  }
}

const isCaching = (kubeConfig: KubeConfigLike): kubeConfig is CachingConfig =>
  typeof (kubeConfig as Partial<CachingConfig>).loadFromOptions === 'function';

/** Returns the configuration, or its latest copy with the present content. */
function latest(kubeConfig: KubeConfigLike): KubeConfigLike {
  const copy = renewed.get(kubeConfig);
  copy?.loadFromOptions(kubeConfig);
  return copy ?? kubeConfig;
}

/** Server, TLS and authentication options for one request, read from the current files. */
export async function requestOptions(
  kubeConfig: KubeConfigLike,
): Promise<{ server: string; options: RequestOptions }> {
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null) {
    throw new WatchError('CREDENTIALS', 'The kubeconfig has no current cluster: set current-context');
  }
  const options: RequestOptions & { headers: Record<string, string> } = { headers: {} };
  try {
    await latest(kubeConfig).applyToHTTPSOptions(options);
    const tokenFile = tokenFileOf(kubeConfig.getCurrentUser());
    // KubeConfig reads this file once a minute; a rotated token must take effect immediately.
    if (tokenFile !== undefined) {
      options.headers.Authorization = `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`;
    }
  } catch (error) {
    const cause = error as Error;
    throw new WatchError('CREDENTIALS', `Cannot obtain credentials for ${cluster.server}: ${cause.message}`, {
      cause,
    });
  }
  // KubeConfig's agent keeps its certificates even after their files have changed.
  // Only a proxy needs that agent.
  if (!cluster.proxyUrl) {
    options.agent = false;
  }
  return { server: cluster.server.replace(/\/+$/, ''), options };
}

function tokenFileOf(user: { authProvider?: unknown } | null): string | undefined {
  const provider = user?.authProvider as { config?: { tokenFile?: unknown } } | null | undefined;
  const file = provider?.config?.tokenFile;
  return typeof file === 'string' ? file : undefined;
}
