import { type CheckedConfig, capability, type Dns, type DnsCapability, type Result } from '@cnikit/cni-spec';

/** Appends this plugin's result to that of the previous plugins, and shifts its interface indexes. */
export function appendResult(prevResult: Result | undefined, own: Result): Result {
  if (prevResult === undefined) {
    return own;
  }
  const offset = prevResult.interfaces?.length ?? 0;
  const ips = (own.ips ?? []).map((ip) =>
    ip.interface === undefined ? ip : { ...ip, interface: ip.interface + offset },
  );
  const dns = own.dns ?? prevResult.dns;
  return {
    interfaces: [...(prevResult.interfaces ?? []), ...(own.interfaces ?? [])],
    ips: [...(prevResult.ips ?? []), ...ips],
    routes: [...(prevResult.routes ?? []), ...(own.routes ?? [])],
    dns,
  };
}

/**
 * Chooses the DNS settings for the result. The runtime's take precedence over the configuration's, and these over
 * IPAM's; empty lists in the configuration count. Upstream ignores the runtime's.
 *
 * @throws {CniError} 7 when the `dns` capability is invalid
 */
export function chooseDns(raw: CheckedConfig, ofIpam: Dns | undefined): Dns | undefined {
  const ofRuntime = capability(raw, 'dns');
  return (
    (ofRuntime === undefined ? undefined : converted(ofRuntime)) ??
    (raw.dns !== undefined && isSet(raw.dns) ? raw.dns : ofIpam)
  );
}

/** Converts the capability, whose keys differ from the result's. Empty lists count as absent: some runtimes always pass them. */
function converted({ servers = [], searches = [], options = [] }: DnsCapability): Dns | undefined {
  if (servers.length + searches.length + options.length === 0) {
    return undefined;
  }
  return { nameservers: servers, search: searches, options };
}

function isSet({ nameservers, domain, search, options }: Dns): boolean {
  return nameservers !== undefined || search !== undefined || options !== undefined || !!domain;
}
