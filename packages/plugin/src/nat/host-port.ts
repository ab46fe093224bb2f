import { CniError, ErrorCode, type IpConfig, type PortMapping, type Result } from '@cnikit/cni-spec';
import { type Family, familyOf, formatAddress, parseAddress, unmap } from '@cnikit/ip';
import { isIPv6 } from '../lib/prefix.ts';

export type PortProtocol = 'tcp' | 'udp' | 'sctp';

/** A port of the node that is mapped to the pod. */
export interface HostPort {
  protocol: PortProtocol;
  hostPort: number;
  containerPort: number;
  /** Restricts the mapping to node addresses of one family; undefined = both. */
  family: Family | undefined;
  /** Restricts the mapping to one node address, in the kernel's notation; undefined = all. */
  hostIP: string | undefined;
}

/** Converts a mapping of the runtime. The addresses 0.0.0.0 and :: stand for all addresses of their family. */
export function hostPort(mapping: PortMapping): HostPort {
  const { hostPort: port, containerPort } = mapping;
  const protocol = (mapping.protocol || 'tcp').toLowerCase() as PortProtocol;
  const common = { protocol, hostPort: port, containerPort };
  if (!mapping.hostIP) {
    return { ...common, family: undefined, hostIP: undefined };
  }
  const parsed = parseAddress(mapping.hostIP);
  if (parsed === undefined) {
    throw new CniError(ErrorCode.InvalidNetworkConfig, `Invalid hostIP ${JSON.stringify(mapping.hostIP)}`);
  }
  const bytes = unmap(parsed);
  const family = familyOf(bytes);
  const all = bytes.every((byte) => byte === 0);
  return { ...common, family, hostIP: all ? undefined : formatAddress(bytes) };
}

/** Returns the ports that apply to a family. */
export function ofFamily(ports: readonly HostPort[], family: Family): HostPort[] {
  return ports.filter((port) => port.family === undefined || port.family === family);
}

/** Returns the pod's address of each family, with prefix length: as upstream, the first one on its interface. */
export function podAddresses(
  { ips = [], interfaces }: { ips?: readonly IpConfig[]; interfaces?: Result['interfaces'] },
  ifName: string,
): Partial<Record<Family, string>> {
  const found: Partial<Record<Family, string>> = {};
  for (const { address, interface: index } of ips) {
    const holder = index === undefined ? undefined : interfaces?.[index];
    if (holder !== undefined && (holder.name !== ifName || !holder.sandbox)) {
      continue;
    }
    found[isIPv6(address) ? 'ipv6' : 'ipv4'] ??= address;
  }
  return found;
}

/** Formats a port as '8080/tcp' or '127.0.0.1:8080/tcp'. */
export function portText({ hostIP, hostPort: port, protocol }: HostPort): string {
  const at = hostIP === undefined ? '' : hostIP.includes(':') ? `[${hostIP}]:` : `${hostIP}:`;
  return `${at}${port}/${protocol}`;
}
