import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { WatchError } from './errors.ts';
import type { KubeConfigLike } from './transport.ts';

/** Directory of the ServiceAccount credentials in a pod. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * Returns the configuration that KubeConfig.loadFromCluster() creates, without loading client-node (30 MB of memory).
 * Token and CA are read for each request.
 *
 * @param env provides KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT
 * @throws {WatchError} CREDENTIALS when they are not set
 */
export function inClusterConfig(
  env: Record<string, string | undefined>,
  directory: string = SERVICE_ACCOUNT,
): KubeConfigLike {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!host || !port) {
    throw new WatchError(
      'CREDENTIALS',
      'Not in a cluster: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set',
    );
  }
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  return {
    getCurrentCluster: () => ({ server }),
    getCurrentUser: () => ({ authProvider: { config: { tokenFile: `${directory}/token` } } }),
    applyToHTTPSOptions: async (options) => {
      options.ca = readFileSync(`${directory}/ca.crt`);
    },
  };
}
