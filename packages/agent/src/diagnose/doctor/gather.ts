/** Looks at everything that the checks want to know. Changes nothing; sends a few packets to other nodes. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Family, families, familyOf } from '@cnikit/ip';
import { fileStore } from '@cnikit/ipam/file-store';
import { openIptables } from '@cnikit/iptables';
import { openRtnetlink, type RtnetlinkConnection } from '@cnikit/netlink';
import { sys } from '@cnikit/sys';
import { readText } from '../../apply/files.ts';
import { planFamily } from '../../apply/rules.ts';
import type { Sets } from '../../apply/sets.ts';
import { readSysctls, unwritableSysctls, withNoted } from '../../apply/sysctls.ts';
import type { Config } from '../../config/config.ts';
import { describe } from '../../core/action.ts';
import type { NodeInfo, NodeRoute, TunnelSettings } from '../../core/model.ts';
import { CHAIN_PREFIX, CONFLIST_NAME, tunnelName } from '../../core/names.ts';
import { Claims } from '../../desired/claims.ts';
import { type DesiredHost, desiredHost } from '../../desired/desired-host.ts';
import { VXLAN_OVERHEAD } from '../../desired/tunnel.ts';
import { loadKubeConfig } from '../../kube/api.ts';
import { reservationsDir, scanLeaks } from '../../leaks/node-leaks.ts';
import { poolsOf } from '../../leaks/pools.ts';
import { runtimeListens } from '../../leaks/runtime.ts';
import { configurations } from '../../observe/configurations.ts';
import { loadState } from '../../observe/saved-state.ts';
import type { AgentParts } from '../../reconcile/agent.ts';
import { diffSysctls } from '../../reconcile/diff.ts';
import { Routes } from '../../reconcile/route-reconciler.ts';
import { createSelfTest } from '../self-test.ts';
import { askAgent } from '../status/ask-agent.ts';
import type { DoctorFacts, LinkFacts, RuleFacts } from './facts.ts';
import { gatherApi } from './gather-api.ts';
import { gatherPlugin } from './gather-plugin.ts';
import { podAddresses } from './pod-addresses.ts';
import { type Peer, probePeers } from './probe.ts';

/** Neighbour tables have a limit (1024 by default), so of a large cluster a sample is asked. */
const MAX_PEERS = 256;
/** What is left over now and was so before: a pod that is just being made or deleted is neither. */
const LEAK_PAUSE_MS = 1000;

type Parts = Pick<AgentParts, 'kernel' | 'cni' | 'chain' | 'sets' | 'randomPorts'>;

export async function gather(config: Config, env: NodeJS.ProcessEnv, parts: Parts): Promise<DoctorFacts> {
  using rt = openRtnetlink();
  const { nodeName, stateDir, cniBinDir, cniConfDir } = config;
  const { api, nodes } = await gatherApi(await loadKubeConfig(config, env), config.readinessTaint);
  const claims = new Claims();
  for (const node of nodes ?? loadState(stateDir, nodeName)?.nodes ?? []) {
    claims.set(node);
  }
  const own = claims.get(nodeName);
  const routes = new Routes(claims, parts.kernel, config);
  routes.load();
  const planned = own === undefined ? { actions: [], problems: [] } : routes.plan();
  const circumstances = {
    tunnelled: routes.tunnelled,
    sets: parts.sets !== undefined,
    randomPorts: parts.randomPorts ?? true,
    ...(parts.chain === undefined ? {} : { chain: parts.chain() }),
  };
  const { sysctls = [] } = desiredHost(claims, config, routes.facts!, circumstances) ?? {};
  const left = unwritableSysctls(sysctls, readSysctls(sysctls));
  const hostSysctls = withNoted(sysctls, left, readText(join(cniConfDir, CONFLIST_NAME)));
  const desired = desiredHost(claims, config, routes.facts!, { ...circumstances, hostSysctls });
  // What the agent does where the kernel has sets and nothing that matches them.
  const withoutSets = desiredHost(claims, config, routes.facts!, { ...circumstances, sets: false });
  const files = parts.cni.plan(desired?.conflist);
  const confs = configurations(cniConfDir);
  const links: LinkFacts[] = rt.links();
  const peers = peersOf(claims, nodeName, desired, routes.wanted, config.tunnel);
  const { reservations } = fileStore({ sys, dir: reservationsDir(stateDir) }).list();
  const agent = await askAgent(config);
  return {
    nodeName,
    confDir: cniConfDir,
    api,
    claims,
    ...(own === undefined ? {} : { own }),
    ...(desired === undefined ? {} : { desired }),
    routes: { changes: planned.actions, problems: planned.problems, wanted: routes.wanted },
    selfTest: createSelfTest((dst) => rt.routeTo({ dst }))(routes.wanted),
    sysctls: desired === undefined ? [] : diffSysctls(desired.sysctls, readSysctls(desired.sysctls)),
    randomPorts: parts.randomPorts ?? true,
    rules: families.flatMap((family) =>
      desired === undefined ? [] : [rulesOf(family, [desired, withoutSets ?? desired], parts.sets)],
    ),
    configurations: confs,
    files,
    fileProblems: parts.cni.problems(),
    plugin: gatherPlugin(cniBinDir, confs),
    links,
    addresses: rt.addresses(),
    peers: await probePeers(rt, peers.slice(0, MAX_PEERS)),
    peerCount: peers.length,
    podAddresses: podAddresses(rt),
    reservedAddresses: reservations.map(({ address }) => address),
    leaks: await lastingLeaks(rt, stateDir),
    pools: poolsOf(stateDir, own?.podCIDRs ?? []),
    runtimeUp: runtimeListens(config.runtimeSocket),
    ...(agent === undefined ? {} : { agent }),
  };
}

/** Of several ways that are right alike, the one that the agent goes. */
function rulesOf(
  family: Family,
  ways: readonly [DesiredHost, ...DesiredHost[]],
  sets: Sets | undefined,
): RuleFacts {
  try {
    const iptables = openIptables({ family, prefix: CHAIN_PREFIX });
    const plans = ways.map(({ inside, rules }) => [
      ...(sets?.plan(family, inside[family]) ?? []),
      ...planFamily(iptables, family, rules[family]),
    ]);
    const changes = (plans.find(({ length }) => length === 0) ?? plans[0]!).map(describe);
    return { family, changes, backend: iptables.report() };
  } catch (error) {
    return { family, changes: [], error: (error as Error).message };
  }
}

/** Packets of the pods' MTU have to reach the addresses that routes lead to, with what a tunnel puts around them. */
function peersOf(
  claims: Claims,
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
        // An address carries the tunnel of its own family.
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

async function lastingLeaks(rt: RtnetlinkConnection, stateDir: string): Promise<DoctorFacts['leaks']> {
  const before = new Set(scanLeaks(rt, stateDir).map(({ key }) => key));
  if (before.size === 0) {
    return [];
  }
  await pause(LEAK_PAUSE_MS);
  return scanLeaks(rt, stateDir).filter(({ key }) => before.has(key));
}
