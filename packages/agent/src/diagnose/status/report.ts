/** What `cnikit-agent status` tells, gathered from the kernel, the Nodes, and the running agent. */
import { NetlinkError, type RtnetlinkConnection } from '@cnikit/netlink';
import type { Config } from '../../config/config.ts';
import type { Kernel } from '../../core/kernel.ts';
import { tunnelName } from '../../core/names.ts';
import { families } from '../../core/prefix.ts';
import type { Claims } from '../../desired/claims.ts';
import { Routes } from '../../reconcile/route-reconciler.ts';
import { type AgentStatus, askAgent } from './ask-agent.ts';
import { type StatusRow, statusRows } from './rows.ts';

export interface StatusReport {
  node: { name: string; podCIDRs: readonly string[]; internalIPs: readonly string[] };
  /** Where the Nodes come from: the API, or the state saved when it answered last. */
  source: 'api' | 'saved';
  rows: StatusRow[];
  /** Absent when none answers. */
  agent?: AgentStatus;
}

export async function statusReport(
  config: Config,
  claims: Claims,
  source: StatusReport['source'],
  kernel: Kernel,
  rt: RtnetlinkConnection,
): Promise<StatusReport> {
  const { nodeName, tunnel } = config;
  const routes = new Routes(claims, kernel, config);
  routes.load();
  const own = claims.get(nodeName);
  const { actions, problems } = own === undefined ? { actions: [], problems: [] } : routes.plan();
  const agent = await askAgent(config);
  const changed = new Map(Object.entries(agent?.changed ?? {}));
  return {
    node: { name: nodeName, podCIDRs: own?.podCIDRs ?? [], internalIPs: own?.internalIPs ?? [] },
    source,
    rows: statusRows({
      claims,
      nodeName,
      wanted: routes.wanted,
      actions,
      problems,
      tunnels: families.map((family) => tunnelName(tunnel, family)),
      neighbour: neighbourStates(rt),
      changed,
    }),
    ...(agent === undefined ? {} : { agent }),
  };
}

/** NUD_* of include/uapi/linux/neighbour.h. */
const STATES: ReadonlyArray<readonly [number, string]> = [
  [0x80, 'permanent'],
  [0x40, 'noarp'],
  [0x02, 'reachable'],
  [0x04, 'stale'],
  [0x08, 'delay'],
  [0x10, 'probe'],
  [0x20, 'failed'],
  [0x01, 'incomplete'],
];

function neighbourStates(rt: RtnetlinkConnection): (address: string) => string {
  const states = new Map(rt.neighbours().map(({ index, address, state }) => [`${index} ${address}`, state]));
  return (address) => {
    try {
      const way = rt.routeTo({ dst: address });
      const state = states.get(`${way?.oif} ${way?.via ?? address}`);
      return STATES.find(([bit]) => state !== undefined && (state & bit) !== 0)?.[1] ?? 'unknown';
    } catch (error) {
      if (error instanceof NetlinkError) {
        return 'unknown';
      }
      throw error;
    }
  };
}
