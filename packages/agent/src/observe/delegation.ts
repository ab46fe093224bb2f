/** Recognises configurations of a meta plugin, such as Multus, that delegates a pod's default network to ours. Pure. */
import { isDeepStrictEqual } from 'node:util';
import { CONFLIST_NAME, NETWORK_NAME } from '../core/names.ts';

/**
 * The form of the delegation. `reference`: by the network's name or file. `copy`: the file embeds our conflist.
 * `old-copy`: the file embeds another version of it.
 */
export type Delegation = 'reference' | 'copy' | 'old-copy';

/** `ours` is the parsed conflist; undefined when it is unreadable. Returns undefined without a delegation to ours. */
export function delegationOf(config: unknown, ours: unknown): Delegation | undefined {
  if (!isObject(config)) {
    return undefined;
  }
  const plugins = Array.isArray(config.plugins) ? config.plugins : [config];
  for (const plugin of plugins.filter(isObject)) {
    // A pod's default network is the first delegate; the others are additional networks.
    const [first] = Array.isArray(plugin.delegates) ? plugin.delegates : [];
    if (isOurs(first)) {
      const { plugins: embedded } = first;
      return isObject(ours) && isDeepStrictEqual(embedded, ours.plugins) ? 'copy' : 'old-copy';
    }
    if (typeof plugin.clusterNetwork === 'string' && refersToOurs(plugin.clusterNetwork)) {
      return 'reference';
    }
  }
  return undefined;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null;

const isOurs = (value: unknown): value is Record<string, unknown> =>
  isObject(value) && value.name === NETWORK_NAME && Array.isArray(value.plugins);

/** The file may be below another directory: a meta plugin in a container has the host's mounted elsewhere. */
const refersToOurs = (network: string): boolean =>
  network === NETWORK_NAME || network.split('/').at(-1) === CONFLIST_NAME;
