import { CniError, type Env } from '@cnikit/cni-spec';
import { type Family, formatAddress } from '@cnikit/ip';
import type { NftRule } from '@cnikit/netlink/nftables';
import type { Sys } from '@cnikit/sys';
import type { HostPort } from './host-port.ts';
import { savedNat } from './iptables.ts';
import type { BeforeChainRemoval } from './nat-chain.ts';

/** IPPROTO_UDP. */
const UDP = 17;

/**
 * Returns a list of UDP ports, and the function that adds the ports of a pod's iptables chain to it. Once the chain is
 * removed, nothing else on the node has the ports whose flows still lead to the pod.
 */
export function udpPortsOfChains(sys: Sys, env: Env): { ports: HostPort[]; before: BeforeChainRemoval } {
  const ports: HostPort[] = [];
  return {
    ports,
    before(family, chain, lines = savedIfReadable(sys, env, family)) {
      for (const line of lines) {
        const rule =
          line.startsWith(`-A ${chain} -`) && line.includes(' -p udp ') && line.includes(' -j DNAT ');
        const hostPort = Number(/ --dport (\d+) /.exec(line)?.[1]);
        if (rule && hostPort > 0) {
          const hostIP = / -d (\S+)\/(?:32|128) /.exec(line)?.[1];
          ports.push({ protocol: 'udp', hostPort, containerPort: hostPort, family, hostIP });
        }
      }
    },
  };
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
