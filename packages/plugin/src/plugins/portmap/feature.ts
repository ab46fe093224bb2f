import { CniError, type Context, type Env, ErrorCode, type Result } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { reportDifferences } from '../../attachment/check-state.ts';
import type { Feature } from '../../attachment/feature.ts';
import { udpPortsOfChain, udpPortsOfRules } from '../../nat/chain-ports.ts';
import { type HostPort, podAddresses } from '../../nat/host-port.ts';
import {
  type BeforeChainRemoval,
  collectLegacyNatChains,
  natChainCollection,
  natChainRemoval,
  PORT_CHAINS,
} from '../../nat/nat-chain.ts';
import {
  byBackend,
  leastMissing,
  type NatBackend,
  tablesOf,
  whereNftables,
  withNftables,
} from '../../nat/nftables.ts';
import {
  type PodEndpoint,
  type RemovalPart,
  removeRules,
  type TransactionPart,
} from '../../nat/shared-transaction.ts';
import { forgetStaleFlows } from '../../nat/stale-flows.ts';
import { type Change, commitTogether } from '../../nat/transaction.ts';
import { upstreamPortsRemoval } from '../../nat/upstream-nftables.ts';
import { type IptablesPlan, iptablesPortDifferences, mapPortsByIptables } from './iptables.ts';
import { routeLocalhost } from './localhost.ts';
import { lostOwner } from './lost-owner.ts';
import { collectPorts, portsRemoval } from './nft-removal.ts';
import { portDifferences, portsChange } from './nftables.ts';
import {
  acceptedPorts,
  asksForPorts,
  hostPorts,
  PORTMAP_KEYS,
  type PortmapSettings,
  portmapSettings,
  portmapSettingsForDel,
} from './settings.ts';
import { upstreamPortDifferences, upstreamPortsChange } from './upstream-nftables.ts';

type Portmap = Context<PortmapSettings>;

/** The feature `portmap`: maps ports of the node to a pod. */
export function portmapFeature(sys: Sys): Feature<PortmapSettings> {
  return {
    name: 'portmap',
    about: 'cnikit portmap: maps ports of the node to a pod',
    keys: PORTMAP_KEYS,
    settings: portmapSettings,
    settingsForDel: portmapSettingsForDel,
    isRequested: asksForPorts,
    validate: (settings) => void acceptedPorts(settings),
    add(context, result) {
      const ports = acceptedPorts(context.conf);
      if (ports.length > 0) {
        mapPorts(sys, context, ports, podAddresses(result, context.ifName));
      }
      return result;
    },
    rules: (context) => portRules(sys, context),
    del: (context) => unmapPorts(sys, context, readablePorts(context)),
    removal: (context) => removal(sys, context, readablePorts(context)),
    check: (context, prevResult) => check(sys, context, prevResult),
    gc: (context) => collect(sys, context),
  };
}

type Addresses = IptablesPlan['addresses'];

function planOf(sys: Sys, context: Portmap, ports: readonly HostPort[], addresses: Addresses): IptablesPlan {
  const { conf, containerID, ifName } = context;
  return {
    owner: { network: conf.network, containerID, ifName },
    ports,
    addresses,
    settings: conf,
    lostOwner: (owner) => lostOwner(sys, context, owner),
    log: (line) => sys.writeFdText(2, `${line}\n`),
  };
}

function mapPorts(sys: Sys, context: Portmap, ports: readonly HostPort[], addresses: Addresses): void {
  const plan = planOf(sys, context, ports, addresses);
  if (context.conf.snat) {
    routeLocalhost(sys, addresses.ipv4);
  }
  const byIptables = () => {
    mapPortsByIptables(sys, context.env, plan);
    forgetStaleFlows(sys, ports);
  };
  try {
    if (!isBehindIpvs(sys, context.conf) || !ifInstalled(byIptables)) {
      byBackend(
        context.conf.backend,
        () =>
          withNftables(sys, (nft) => {
            commitTogether(nft, [changeOf(plan, context.conf.backend)]);
            forgetStaleFlows(sys, ports, nft);
          }),
        byIptables,
      );
    }
  } catch (error) {
    try {
      unmapPorts(sys, context, []);
    } catch {
      // Report the first error. DEL and GC clean up later.
    }
    throw error;
  }
}

/** Returns the rules in the table of cnikit, or in upstream's when the configuration names nftables. */
function changeOf(plan: IptablesPlan, backend: NatBackend): Change {
  return backend === 'nftables' ? upstreamPortsChange(plan) : portsChange(plan);
}

/**
 * Returns true when the backend is iptables because kube-proxy runs in ipvs mode. Every ClusterIP is then an address of the
 * node, on the link kube-ipvs0. Only a rule behind kube-proxy's own in iptables' chain yields to Services of later.
 */
function isBehindIpvs(sys: Sys, { backend }: PortmapSettings): boolean {
  return (
    backend === undefined && sys.statIfExists('/proc/sys/net/ipv4/conf/kube-ipvs0/forwarding') !== undefined
  );
}

/** Runs `body`; returns false when the iptables programs are not installed. */
function ifInstalled(body: () => void): boolean {
  try {
    body();
    return true;
  } catch (error) {
    if (error instanceof CniError && error.code === ErrorCode.IOFailure) {
      return false;
    }
    throw error;
  }
}

/** Returns the rules of `mapPorts` for another transaction; undefined when there are no nftables rules. */
function portRules(sys: Sys, context: Portmap): TransactionPart | undefined {
  const ports = hostPorts(context.conf);
  if (ports.length === 0 || context.conf.backend === 'iptables' || isBehindIpvs(sys, context.conf)) {
    return undefined;
  }
  const addressesOf = ({ ips }: PodEndpoint) => podAddresses({ ips }, context.ifName);
  return {
    change: (pod) => changeOf(planOf(sys, context, ports, addressesOf(pod)), context.conf.backend),
    made(nft, pod) {
      if (context.conf.snat) {
        routeLocalhost(sys, addressesOf(pod).ipv4, pod.link);
      }
      forgetStaleFlows(sys, ports, nft);
    },
  };
}

/**
 * Returns a list of UDP ports, and the function that adds the ports of a pod's iptables chain to it. Once the chain is
 * removed, nothing else on the node has the ports whose flows still lead to the pod.
 */
function portsOfChains(sys: Sys, env: Env): { ports: HostPort[]; before: BeforeChainRemoval } {
  const ports: HostPort[] = [];
  return { ports, before: (...chain) => void ports.push(...udpPortsOfChain(sys, env, ...chain)) };
}

/** Returns the removal of the pod's rules, including those of upstream, and of the other backend. */
function removal(
  sys: Sys,
  { conf: { network, mark }, containerID, ifName, env }: Portmap,
  ports: readonly HostPort[],
): RemovalPart {
  const owner = { network, containerID, ifName };
  const isForgotten = new Set<string>();
  // The runtime need not pass the ports at DEL.
  const ofChains = ports.length === 0 ? portsOfChains(sys, env) : undefined;
  const key = ({ hostPort, hostIP = '' }: HostPort) => `${hostPort} ${hostIP}`;
  return {
    chains: PORT_CHAINS,
    before: ofChains?.before,
    changes: (nft, tables) => [
      ...portsRemoval(tables, owner, mark, (own) => {
        forgetStaleFlows(sys, own, nft);
        for (const port of own) {
          isForgotten.add(key(port));
        }
      }),
      ...natChainRemoval(tables, PORT_CHAINS, network, containerID, ofChains?.before),
      ...upstreamPortsRemoval(
        tables,
        containerID,
        ofChains && ((rules) => ofChains.ports.push(...udpPortsOfRules(rules))),
      ),
    ],
    gone: (nft) =>
      forgetStaleFlows(
        sys,
        [...ports, ...(ofChains?.ports ?? [])].filter((port) => !isForgotten.has(key(port))),
        nft,
      ),
  };
}

function unmapPorts(sys: Sys, context: Portmap, ports: readonly HostPort[]): void {
  const { conf, containerID, env } = context;
  removeRules(sys, env, { network: conf.network, containerID }, [removal(sys, context, ports)]);
}

/** Returns the configured ports for DEL, which needs them only for stale connections; empty when they are invalid. */
function readablePorts({ conf }: Portmap): readonly HostPort[] {
  try {
    return hostPorts(conf);
  } catch (error) {
    if (error instanceof CniError) {
      return [];
    }
    throw error;
  }
}

/**
 * Runs CHECK. The pod may be older than the configuration, or of upstream, so each form of rules is accepted. The
 * differences are from the configured form.
 */
function check(sys: Sys, context: Portmap, prevResult: Result): void {
  const ports = hostPorts(context.conf);
  if (ports.length > 0) {
    reportDifferences(context, missingPorts(sys, context, ports, prevResult));
  }
}

/**
 * Maps the ports of a running pod again if any part of their rules is missing. Returns true if it did.
 *
 * @throws {CniError} 11 naming the owner, when another pod has a port now
 */
export function restorePorts(sys: Sys, context: Portmap, prevResult: Result): boolean {
  const ports = hostPorts(context.conf);
  if (ports.length === 0) {
    return false;
  }
  const addresses = podAddresses(prevResult, context.ifName);
  if (missingPorts(sys, context, ports, prevResult).length === 0) {
    // A bridge that was made again has the kernel's default.
    if (context.conf.snat) {
      routeLocalhost(sys, addresses.ipv4);
    }
    return false;
  }
  mapPorts(sys, context, ports, addresses);
  return true;
}

/** Lists what the rules of each backend lack, as {@link leastMissing} does. */
function missingPorts(sys: Sys, context: Portmap, ports: readonly HostPort[], prevResult: Result): string[] {
  const plan = planOf(sys, context, ports, podAddresses(prevResult, context.ifName));
  const byNftables = (differences: typeof portDifferences) => () =>
    whereNftables(sys, (nft) => differences(nft, plan));
  const ours = byNftables(portDifferences);
  const upstream = byNftables(upstreamPortDifferences);
  const iptables = () => iptablesPortDifferences(sys, context.env, plan);
  const forms = {
    none: [ours, iptables, upstream],
    nftables: [upstream, ours, iptables],
    iptables: [iptables, ours, upstream],
  };
  return leastMissing(forms[context.conf.backend ?? 'none']);
}

function collect(sys: Sys, { conf: { network, mark }, env, validAttachments }: Portmap): void {
  if (validAttachments === undefined) {
    return;
  }
  const keep = validAttachments.map(({ containerID, ifname }) => ({ containerID, ifName: ifname }));
  const containers = keep.map(({ containerID }) => containerID);
  const { ports: ofChains, before } = portsOfChains(sys, env);
  whereNftables(sys, (nft) => {
    collectPorts(nft, network, keep, mark, (ports) => forgetStaleFlows(sys, ports, nft));
    commitTogether(nft, natChainCollection(tablesOf(nft), PORT_CHAINS, network, containers, before));
  });
  collectLegacyNatChains(sys, env, PORT_CHAINS, network, containers, before);
  forgetStaleFlows(sys, ofChains);
}
