import type { IpConfig } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { isIPv6 } from '../lib/prefix.ts';
import { ensureSysctl } from './sysctl.ts';

/** Enables forwarding on the node for each address family of the pod. */
export function ensureForwarding(sys: Sys, ips: readonly IpConfig[]): void {
  if (ips.some(({ address }) => !isIPv6(address))) {
    ensureSysctl(sys, '/proc/sys/net/ipv4/ip_forward', '1');
  }
  if (ips.some(({ address }) => isIPv6(address))) {
    ensureSysctl(sys, '/proc/sys/net/ipv6/conf/all/forwarding', '1');
  }
}
