/** DNS settings in the shape of a CNI result's `dns`. */
export interface Dns {
  nameservers?: string[];
  domain?: string;
  search?: string[];
  options?: string[];
}

/**
 * Parses resolv.conf(5) as host-local does: `search` and `options` lines accumulate, the last `domain` wins.
 */
export function parseResolvConf(text: string): Dns {
  const dns: Dns = {};
  for (const line of text.split('\n')) {
    const [keyword = '', ...values] = line.trim().split(/\s+/);
    const [value] = values;
    if (value === undefined) {
      continue;
    }
    if (keyword === 'nameserver') {
      dns.nameservers = [...(dns.nameservers ?? []), value];
    } else if (keyword === 'domain') {
      dns.domain = value;
    } else if (keyword === 'search' || keyword === 'options') {
      dns[keyword] = [...(dns[keyword] ?? []), ...values];
    }
  }
  return dns;
}
