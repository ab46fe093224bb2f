import { type CheckedConfig, capability, type Dns, type DnsCapability, type Result } from '@cnikit/cni-spec';

/** The result so far in the chain with this plugin's own behind it, whose indexes move up accordingly. */
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
    ...(dns === undefined ? {} : { dns }),
  };
}

/**
 * The DNS settings for the result: what the runtime asks for goes over the configuration's, be they empty lists, and
 * these over IPAM's. The reference passes the runtime's over.
 *
 * @throws CniError 7 for a `dns` capability that is none
 */
export function chooseDns(raw: CheckedConfig, ofIpam: Dns | undefined): { dns?: Dns } {
  const ofConfig = raw.dns !== undefined && isSet(raw.dns) ? raw.dns : ofIpam;
  const dns = ofRuntime(capability(raw, 'dns')) ?? ofConfig;
  return dns === undefined ? {} : { dns };
}

/** The capability's keys are not the result's. A runtime that has nothing to say may say it by empty lists. */
function ofRuntime({ servers = [], searches = [], options = [] }: DnsCapability = {}): Dns | undefined {
  if (servers.length + searches.length + options.length === 0) {
    return undefined;
  }
  return { nameservers: servers, search: searches, options };
}

function isSet({ nameservers, domain, search, options }: Dns): boolean {
  return nameservers !== undefined || search !== undefined || options !== undefined || !!domain;
}
