/** Collects the report of `cnikit-agent status` from the kernel, the Nodes and the running agent. */
import { families } from '@cnikit/ip';
import { NetlinkError, type RtnetlinkConnection } from '@cnikit/netlink';
import {
  NUD_DELAY,
  NUD_FAILED,
  NUD_INCOMPLETE,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_PROBE,
  NUD_REACHABLE,
  NUD_STALE,
} from '@cnikit/netlink/constants';
import type { Config } from '../../config/config.ts';
import type { Backend } from '../../core/backend.ts';
import type { Kernel } from '../../core/kernel.ts';
import type { Layout } from '../../core/model.ts';
import { tunnelName } from '../../core/names.ts';
import type { NodeIndex } from '../../desired/node-index.ts';
import { planRoutes } from '../../reconcile/node-plan.ts';
import { podLayouts } from '../../repair/pod-layouts.ts';
import { type AgentStatus, askAgent } from './ask-agent.ts';
import { type StatusRow, statusRows } from './rows.ts';

export interface StatusReport {
  node: { name: string; podCIDRs: readonly string[]; internalIPs: readonly string[] };
  /** Source of the Nodes: the API, or the state saved when the API last answered. */
  source: 'api' | 'saved';
  /** Back end of the packet filter, and why. */
  packetFilter?: Pick<Backend, 'name' | 'reason'> | undefined;
  /** Running pods of this node by layout. */
  pods?: Record<Layout, number> | undefined;
  rows: StatusRow[];
  /** Undefined when no agent answers. */
  agent?: AgentStatus | undefined;
}

export async function statusReport(
  config: Config,
  claims: NodeIndex,
  source: StatusReport['source'],
  kernel: Kernel,
  rt: RtnetlinkConnection,
  backend?: (podCIDRs: readonly string[]) => Backend,
): Promise<StatusReport> {
  const { nodeName, tunnel } = config;
  const { own, actions, problems, wanted } = planRoutes(claims, config, kernel);
  const agent = await askAgent(config);
  const changed = new Map(Object.entries(agent?.changed ?? {}));
  return {
    node: { name: nodeName, podCIDRs: own?.podCIDRs ?? [], internalIPs: own?.internalIPs ?? [] },
    source,
    packetFilter: own && backend?.(own.podCIDRs),
    pods: podLayouts(rt),
    rows: statusRows({
      claims,
      nodeName,
      wanted,
      actions,
      problems,
      tunnels: families.map((family) => tunnelName(tunnel, family)),
      neighbour: neighbourStates(rt),
      changed,
    }),
    agent,
  };
}

/** Names of the neighbour states, as `ip neighbour` prints them. */
const STATES: ReadonlyArray<readonly [number, string]> = [
  [NUD_PERMANENT, 'permanent'],
  [NUD_NOARP, 'noarp'],
  [NUD_REACHABLE, 'reachable'],
  [NUD_STALE, 'stale'],
  [NUD_DELAY, 'delay'],
  [NUD_PROBE, 'probe'],
  [NUD_FAILED, 'failed'],
  [NUD_INCOMPLETE, 'incomplete'],
];

/** Returns a function that names the state of an address's next hop. */
function neighbourStates(rt: RtnetlinkConnection): (address: string) => string {
  const states = new Map(rt.neighbours().map(({ index, address, state }) => [`${index} ${address}`, state]));
  return (address) => {
    try {
      const egress = rt.routeTo({ dst: address });
      const state = states.get(`${egress?.oif} ${egress?.via ?? address}`);
      return STATES.find(([bit]) => state !== undefined && (state & bit) !== 0)?.[1] ?? 'unknown';
    } catch (error) {
      if (error instanceof NetlinkError) {
        return 'unknown';
      }
      throw error;
    }
  };
}
