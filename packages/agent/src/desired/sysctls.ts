/** The kernel settings that a node with pods needs. Pure. */
import type { HostFacts, NodeInfo, Sysctl } from '../model.ts';
import { type Family, families } from '../prefix.ts';

/** In the order to set them: IPv6 forwarding makes an interface with accept_ra 1 forget its default route. */
export function desiredSysctls(own: NodeInfo, facts: HostFacts): Sysctl[] {
  const used = familiesOf(own);
  const sysctls: Sysctl[] = [];
  if (used.has('ipv4'))
    sysctls.push({ key: 'net/ipv4/ip_forward', value: '1', why: 'pod traffic passes through this node' });
  if (used.has('ipv6')) {
    if (facts.outside.ipv6 !== undefined)
      sysctls.push({
        key: `net/ipv6/conf/${facts.outside.ipv6.name}/accept_ra`,
        value: '2',
        onlyFrom: '1',
        why: 'a forwarding node with 1 ignores router advertisements and loses its default route',
      });
    sysctls.push({
      key: 'net/ipv6/conf/all/forwarding',
      value: '1',
      why: 'pod traffic passes through this node',
    });
  }
  return sysctls;
}

/** The families that this node has pods of. */
export function familiesOf(own: NodeInfo): ReadonlySet<Family> {
  return new Set(
    families.filter((family) => own.podCIDRs.some((cidr) => cidr.includes(':') === (family === 'ipv6'))),
  );
}
