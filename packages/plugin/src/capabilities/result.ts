import type { Dns, Result } from '@cnikit/cni-spec';

/** The result so far in the chain with this plugin's own behind it, whose indexes move up accordingly. */
export function appendResult(prevResult: Result | undefined, own: Result): Result {
  if (prevResult === undefined) return own;
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

/** The configuration's DNS settings when it has any, be they empty lists; else those of IPAM. */
export function chooseDns(configured: Dns | undefined, ofIpam: Dns | undefined): { dns?: Dns } {
  const dns = configured !== undefined && isSet(configured) ? configured : ofIpam;
  return dns === undefined ? {} : { dns };
}

function isSet({ nameservers, domain, search, options }: Dns): boolean {
  return nameservers !== undefined || search !== undefined || options !== undefined || !!domain;
}
