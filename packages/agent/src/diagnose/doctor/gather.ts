/** Gathers the facts for the checks. Changes nothing; sends a few packets to other nodes. */
import { setTimeout as pause } from 'node:timers/promises';
import { familyOf } from '@cnikit/ip';
import { fileStore } from '@cnikit/ipam/file-store';
import { openRtnetlink, type RtnetlinkConnection } from '@cnikit/netlink';
import { sys } from '@cnikit/sys';
import type { Config } from '../../config/config.ts';
import type { NodeInfo, NodeRoute, TunnelSettings } from '../../core/model.ts';
import { tunnelName } from '../../core/names.ts';
import type { DesiredHost } from '../../desired/desired-host.ts';
import { VXLAN_OVERHEAD } from '../../desired/mtu.ts';
import { NodeIndex } from '../../desired/node-index.ts';
import { loadKubeConfig } from '../../kube/api.ts';
import { type LeakDirs, reservationsDir, scanLeaks } from '../../leaks/node-leaks.ts';
import { poolsOf } from '../../leaks/pools.ts';
import { runtimeListens } from '../../leaks/runtime.ts';
import { configurations } from '../../observe/configurations.ts';
import { loadState } from '../../observe/saved-state.ts';
import { type PlanDeps, planNode } from '../../reconcile/node-plan.ts';
import { testedState } from '../../reconcile/tested-state.ts';
import { podBehind, withPodNames } from '../../records/pod-names.ts';
import { runningAddresses } from '../../repair/pod-network.ts';
import { createSelfTest } from '../self-test.ts';
import { askAgent } from '../status/ask-agent.ts';
import type { DoctorFacts, LinkFacts } from './facts.ts';
import { gatherApi } from './gather-api.ts';
import { gatherStrictFilters } from './gather-filters.ts';
import { gatherPlugin } from './gather-plugin.ts';
import { gatherPolicy } from './gather-policy.ts';
import { gatherRouted } from './gather-routed.ts';
import { gatherStateFiles } from './gather-state-files.ts';
import { podAddresses } from './pod-addresses.ts';
import { type Peer, probePeers } from './probe.ts';
import { stateFacts } from './state-facts.ts';

/** In a large cluster only a sample is probed: neighbour tables hold 1024 entries by default. */
const MAX_PEERS = 256;
/** Time between two scans. Only a leak found by both counts: a starting or stopping pod looks like one briefly. */
const LEAK_PAUSE_MS = 1000;
/** Time for the API server's answer. */
const API_TIMEOUT_MS = 10_000;

/**
 * Gathers the facts.
 *
 * @throws {AgentError} when there are no credentials for the API server
 */
export async function gather(
  config: Config,
  env: NodeJS.ProcessEnv,
  deps: PlanDeps,
  apiTimeoutMs: number = API_TIMEOUT_MS,
): Promise<DoctorFacts> {
  using rt = openRtnetlink();
  const { nodeName, stateDir, cniBinDir, cniConfDir } = config;
  const kubeConfig = await loadKubeConfig(config, env);
  const { api, nodes } = await gatherApi(kubeConfig, config, apiTimeoutMs);
  const claims = new NodeIndex();
  for (const node of nodes ?? loadState(stateDir, nodeName)?.nodes ?? []) {
    claims.set(node);
  }
  const plan = planNode(claims, config, deps);
  const { own, desired, wanted } = plan;
  const files = deps.cni.plan(desired?.conflist);
  const confs = configurations(cniConfDir);
  const links: LinkFacts[] = rt.links();
  const peers = peersOf(claims, nodeName, desired, wanted, config.tunnel);
  const { reservations } = fileStore({ sys, dir: reservationsDir(stateDir) }).list();
  const agent = await askAgent(config);
  const runtimeUp = runtimeListens(config.runtimeSocket);
  return {
    nodeName,
    confDir: cniConfDir,
    api,
    claims,
    ...stateFacts(plan, deps.rules),
    selfTest: createSelfTest((packet) => rt.routeTo(packet))(testedState(wanted, own, plan.facts)),
    configurations: confs,
    files,
    fileProblems: deps.cni.problems(),
    plugin: gatherPlugin(cniBinDir, confs, runtimeUp && config.runtimeSocket === undefined),
    strictFilters: gatherStrictFilters(),
    links,
    addresses: rt.addresses(),
    peers: await probePeers(rt, peers.slice(0, MAX_PEERS)),
    peerCount: peers.length,
    podAddresses: podAddresses(rt),
    podBehind: (link) => podBehind(config.cniCacheDir, link),
    runningAddresses: withPodNames(config.cniCacheDir, runningAddresses(rt, stateDir)),
    routed: gatherRouted(rt, links),
    reservedAddresses: reservations.map(({ address }) => address),
    leaks: await lastingLeaks(rt, config),
    pools: poolsOf(stateDir, own?.podCIDRs ?? []),
    runtimeUp,
    stateFiles: gatherStateFiles(stateDir, nodeName),
    policy: config.networkPolicy
      ? await gatherPolicy(kubeConfig, () => podAddresses(rt), apiTimeoutMs)
      : undefined,
    agent,
  };
}

/** Returns the addresses to probe. Packets of the pods' MTU plus the tunnel's overhead must reach them. */
function peersOf(
  claims: NodeIndex,
  nodeName: string,
  desired: DesiredHost | undefined,
  wanted: ReadonlyMap<string, NodeRoute>,
  tunnel: TunnelSettings,
): Peer[] {
  const mtu = mtuOf(desired) ?? 1500;
  const tunnelled = ({ podCIDRs }: NodeInfo, link: string): boolean =>
    podCIDRs.some((cidr) => wanted.get(cidr)?.dev === link);
  return [...claims.nodes()]
    .filter(({ name }) => name !== nodeName)
    .flatMap((node) =>
      node.internalIPs.map((address) => {
        // A tunnel's outer packets have the family of the address.
        const outer = tunnelled(node, tunnelName(tunnel, familyOf(address)));
        const overhead = outer ? VXLAN_OVERHEAD[familyOf(address)] : 0;
        return { node: node.name, address, size: mtu + overhead };
      }),
    );
}

function mtuOf(desired: DesiredHost | undefined): number | undefined {
  if (desired?.conflist === undefined) {
    return undefined;
  }
  return (JSON.parse(desired.conflist) as { plugins: [{ mtu?: number }] }).plugins[0].mtu;
}

async function lastingLeaks(rt: RtnetlinkConnection, dirs: LeakDirs): Promise<DoctorFacts['leaks']> {
  const before = new Set(scanLeaks(rt, dirs).map(({ key }) => key));
  if (before.size === 0) {
    return [];
  }
  await pause(LEAK_PAUSE_MS);
  return scanLeaks(rt, dirs).filter(({ key }) => before.has(key));
}
