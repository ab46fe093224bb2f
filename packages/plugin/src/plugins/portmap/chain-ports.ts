import { CniError, type Env } from '@cnikit/cni-spec';
import type { Family } from '@cnikit/ip';
import type { Sys } from '@cnikit/sys';
import { savedNat } from '../../nat/iptables.ts';
import type { BeforeRemoval } from '../../nat/nat-chain.ts';
import type { HostPort } from './host-port.ts';

/**
 * Returns a list of UDP ports, and the function that adds the ports of a pod's iptables chain to it. Once the chain is
 * removed, nothing else on the node has the ports whose flows still lead to the pod.
 */
export function udpPortsOfChains(sys: Sys, env: Env): { ports: HostPort[]; before: BeforeRemoval } {
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
