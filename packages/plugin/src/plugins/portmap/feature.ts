import { CniError, type Context, type Result } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { reportDifferences } from '../../capabilities/differences.ts';
import type { Feature } from '../../capabilities/feature.ts';
import {
  collectNatChains,
  natChainName,
  removeLegacyNatChain,
  removeNatChain,
} from '../../capabilities/nat/nat-chain.ts';
import { byBackend, whereNftables, withNftables } from '../../capabilities/nat/nftables.ts';
import { removeReferencePorts } from '../../capabilities/nat/reference-nftables.ts';
import { type HostPort, podAddresses } from './host-port.ts';
import { type IptablesPlan, iptablesPortDifferences, mapPortsByIptables, PORT_CHAINS } from './iptables.ts';
import { routeLocalhost } from './localhost.ts';
import {
  collectPortsOfNftables,
  mapPortsByNftables,
  portDifferences,
  unmapPortsByNftables,
} from './nftables.ts';
import { asksForPorts, hostPorts, type PortmapSettings, portmapSettings } from './settings.ts';
import { forgetStaleFlows } from './stale-flows.ts';

type Portmap = Context<PortmapSettings>;

/** `portmap`: ports of the node that lead to a pod. */
export function portmapFeature(sys: Sys): Feature<PortmapSettings> {
  return {
    name: 'portmap',
    about: 'cnikit portmap: ports of the node that lead to a pod',
    settings: portmapSettings,
    asked: asksForPorts,
    accept: (settings) => void hostPorts(settings),
    add(context, result) {
      const ports = hostPorts(context.conf);
      if (ports.length > 0) mapPorts(sys, context, planOf(context, ports, result));
      return result;
    },
    del: (context) => unmapPorts(sys, context, readablePorts(context)),
    check: (context, prevResult) => check(sys, context, prevResult),
    gc: (context) => collect(sys, context),
  };
}

function planOf(
  { conf, containerID, ifName }: Portmap,
  ports: readonly HostPort[],
  result: Result,
): IptablesPlan {
  return {
    owner: { network: conf.network, containerID, ifName },
    ports,
    addresses: podAddresses(result, ifName),
    settings: conf,
  };
}

function mapPorts(sys: Sys, context: Portmap, plan: IptablesPlan): void {
  const { ipv4 } = plan.addresses;
  if (plan.settings.snat && ipv4 !== undefined) routeLocalhost(sys, ipv4);
  try {
    byBackend(
      context.conf.backend,
      () => withNftables(sys, (nft) => mapPortsByNftables(nft, plan)),
      () => mapPortsByIptables(sys, context.env, plan),
    );
    forgetStaleFlows(sys, plan.ports);
  } catch (error) {
    try {
      unmapPorts(sys, context, []);
    } catch {
      // The first error is the one to report; DEL and GC come after it.
    }
    throw error;
  }
}

/** Also what the reference, or the other backend, made for the pod before the configuration changed. */
function unmapPorts(sys: Sys, { conf, containerID, ifName, env }: Portmap, ports: readonly HostPort[]): void {
  const { network } = conf;
  const chain = natChainName(PORT_CHAINS, network, containerID);
  whereNftables(sys, (nft) => {
    unmapPortsByNftables(nft, { network, containerID, ifName }, (own) => forgetStaleFlows(sys, own));
    removeNatChain(nft, PORT_CHAINS, chain);
    removeReferencePorts(nft, containerID);
  });
  removeLegacyNatChain(sys, env, PORT_CHAINS, chain);
  forgetStaleFlows(sys, ports);
}

/** At DEL the ports that the configuration names matter only to connections, and whatever they are, a pod can go. */
function readablePorts({ conf }: Portmap): HostPort[] {
  try {
    return hostPorts(conf);
  } catch (error) {
    if (error instanceof CniError) return [];
    throw error;
  }
}

/** Where the configuration leaves the choice, either backend will do. */
function check(sys: Sys, context: Portmap, prevResult: Result): void {
  const ports = hostPorts(context.conf);
  if (ports.length === 0) return;
  const plan = planOf(context, ports, prevResult);
  const { backend } = context.conf;
  const ofNftables =
    backend === 'iptables' ? undefined : whereNftables(sys, (nft) => portDifferences(nft, plan));
  if (ofNftables?.length === 0) return;
  const ofIptables = backend === 'nftables' ? undefined : iptablesPortDifferences(sys, context.env, plan);
  if (ofIptables?.length === 0) return;
  reportDifferences(context, ofNftables ?? ofIptables ?? ['nftables is missing in the kernel']);
}

function collect(sys: Sys, { conf: { network }, env, validAttachments }: Portmap): void {
  if (validAttachments === undefined) return;
  const keep = validAttachments.map(({ containerID, ifname }) => ({ containerID, ifName: ifname }));
  const chains = keep.map(({ containerID }) => natChainName(PORT_CHAINS, network, containerID));
  whereNftables(sys, (nft) =>
    collectPortsOfNftables(nft, network, keep, (ports) => forgetStaleFlows(sys, ports)),
  );
  collectNatChains(sys, env, PORT_CHAINS, network, new Set(chains));
}
