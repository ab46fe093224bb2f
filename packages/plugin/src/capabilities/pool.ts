/** The built-in host-local IPAM: the reference's configuration and on-disk state, no second process. */
import { CniError, type Dns, ErrorCode, type Route } from '@cnikit/cni-spec';
import { Ipam, parseIpamConfig, parseResolvConf, REFERENCE_DATA_DIR } from '@cnikit/ipam';
import { fileStore } from '@cnikit/ipam/file-store';
import type { Sys } from '@cnikit/sys';
import type { BridgeSettings } from '../config.ts';

/** A network's pool, and what the configuration adds to the result. */
export interface Pool {
  ipam: Ipam;
  /** Addresses that the runtime asks for. */
  requested: readonly string[];
  routes: readonly Route[];
  dns: Dns | undefined;
}

/**
 * Opens the pool of the configuration; undefined when it has no IPAM.
 *
 * @param args CNI_ARGS; absent where a verb has none
 * @throws CniError 7 for an IPAM plugin other than host-local; IpamError for a bad configuration
 */
export function openPool(
  sys: Sys,
  { network, raw }: BridgeSettings,
  args: Readonly<Record<string, string>> = {},
): Pool | undefined {
  const type = raw.ipam?.type;
  if (!type) return undefined;
  if (type !== 'host-local') {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      `Unknown IPAM plugin ${JSON.stringify(type)}`,
      'Set ipam.type to host-local, which is built in',
    );
  }
  const config = parseIpamConfig(raw, { args, knownArgs: Object.keys(args) });
  const dir = `${config.dataDir ?? REFERENCE_DATA_DIR}/${network}`;
  return {
    ipam: new Ipam({ rangeSets: config.rangeSets, store: fileStore({ sys, dir }) }),
    requested: config.requested,
    routes: config.routes,
    dns: config.resolvConf ? parseResolvConf(sys.readText(config.resolvConf)) : undefined,
  };
}
