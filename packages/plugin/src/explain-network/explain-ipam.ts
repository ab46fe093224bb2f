import type { CheckedConfig } from '@cnikit/cni-spec';
import { Ipam, memoryStore, parseIpamConfig, REFERENCE_DATA_DIR } from '@cnikit/ipam';

/**
 * Describes the addresses and routes of a pod.
 *
 * @throws {IpamError} when host-local cannot use the configuration
 */
export function explainAddresses(raw: CheckedConfig): string[] {
  const type = raw.ipam?.type;
  if (!type) {
    return ['Gives it no addresses: ipam is missing.'];
  }
  if (type !== 'host-local') {
    return [`Gets addresses from the IPAM plugin ${type} in CNI_PATH.`];
  }
  const { rangeSets, requested, routes, dataDir = REFERENCE_DATA_DIR, resolvConf } = parseIpamConfig(raw);
  const { sets } = new Ipam({ rangeSets, store: memoryStore() }).status();
  return [
    ...sets.map(({ ranges, free }) => {
      // An IPv6 range has too many addresses for a useful count.
      const count = free > Number.MAX_SAFE_INTEGER ? '' : `${free} `;
      return `Takes one of the ${count}addresses ${ranges}.`;
    }),
    `Records them in ${dataDir}/${raw.name}.`,
    ...(requested.length > 0 ? [`The addresses have to be ${requested.join(' and ')}.`] : []),
    ...routes.map(
      ({ dst, gw }) => `Gives it a route to ${dst} ${gw === undefined ? 'via the gateway' : `via ${gw}`}.`,
    ),
    ...(resolvConf ? [`Returns to the runtime the DNS settings of ${resolvConf}.`] : []),
  ];
}
