import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { WatchError } from './errors.ts';
import type { KubeConfigLike } from './transport.ts';

/** Where a pod finds the credentials of its ServiceAccount. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * What KubeConfig.loadFromCluster() makes, for a program that needs nothing else of client-node and
 * does not want to carry it (30 MB of memory). Token and CA are read anew for each request.
 *
 * @param env KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are read from it.
 * @throws WatchError CREDENTIALS when they are not set.
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
