import { CniError, type Env } from '@cnikit/cni-spec';
import { type Family, formatAddress } from '@cnikit/ip';
import type { NftRule } from '@cnikit/netlink/nftables';
import type { Sys } from '@cnikit/sys';
import type { HostPort } from './host-port.ts';
import { savedNat } from './iptables.ts';
import type { BeforeChainRemoval } from './nat-chain.ts';

/** IPPROTO_UDP. */
const UDP = 17;

/** Returns the UDP ports of a pod's iptables chain. `lines` are the rules of the table, if they were read already. */
export function udpPortsOfChain(
  sys: Sys,
  env: Env,
  ...[family, chain, lines = savedIfReadable(sys, env, family)]: Parameters<BeforeChainRemoval>
): HostPort[] {
  const ports: HostPort[] = [];
  for (const line of lines) {
    const rule = line.startsWith(`-A ${chain} -`) && line.includes(' -p udp ') && line.includes(' -j DNAT ');
    const hostPort = Number(/ --dport (\d+) /.exec(line)?.[1]);
    if (rule && hostPort > 0) {
      const hostIP = / -d (\S+)\/(?:32|128) /.exec(line)?.[1];
      ports.push({ protocol: 'udp', hostPort, containerPort: hostPort, family, hostIP });
    }
  }
  return ports;
}

/** Returns the UDP ports of rules in upstream's nftables tables, which match protocol, port and address by comparison. */
export function udpPortsOfRules(rules: readonly (NftRule & { family: string })[]): HostPort[] {
  return rules.flatMap(({ family, expressions }): HostPort[] => {
    const compared = expressions.flatMap((one) => (one.name === 'cmp' && one.data ? [one.data] : []));
    const port = compared.find(({ length }) => length === 2);
    if (port === undefined || !compared.some(({ length, 0: first }) => length === 1 && first === UDP)) {
      return [];
    }
    const hostIP = compared.find(({ length }) => length === 4 || length === 16);
    const hostPort = (port[0] ?? 0) * 256 + (port[1] ?? 0);
    return [
      {
        protocol: 'udp',
        hostPort,
        containerPort: hostPort,
        family: family === 'ip' ? 'ipv4' : 'ipv6',
        hostIP: hostIP && formatAddress(hostIP),
      },
    ];
  });
}

/** Returns nothing when the iptables programs are not installed: the rules must be removable without them. */
function savedIfReadable(sys: Sys, env: Env, family: Family): readonly string[] {
  try {
    return savedNat(sys, env, family);
  } catch (error) {
    if (error instanceof CniError) {
      return [];
    }
    throw error;
  }
}
