/** Starts the repair of running pods: after events, and at each resync. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { RtnetlinkConnection } from '@cnikit/netlink';
import { monitorNftables } from '@cnikit/netlink/monitor';
import { hostVethName } from '@cnikit/plugin';
import type { Logger } from 'pino';
import { PLUGIN_NAME } from '../apply/cni-names.ts';
import { readText } from '../apply/files.ts';
import type { Config } from '../config/config.ts';
import type { KernelEvent } from '../core/kernel.ts';
import type { Metrics } from '../core/metrics.ts';
import { BRIDGE_NAME, CONFLIST_NAME, NETWORK_NAME } from '../core/names.ts';
import type { Problem } from '../core/problem.ts';
import { after } from '../core/timers.ts';
import { releaseLeak, vethLinks } from '../leaks/node-leaks.ts';
import type { PluginProgram } from '../leaks/run-plugin.ts';
import { bridgeAfter, removesPodRules } from '../observe/pod-losses.ts';
import type { Agent } from '../reconcile/agent.ts';
import { Contest } from '../reconcile/contest.ts';
import { describeOwner, withPodNames } from '../records/pod-names.ts';
import { outdatedPods, staleGateways } from '../repair/earlier-range.ts';
import { bridgeAddresses, removeBridgeAddresses, runningAddresses } from '../repair/pod-network.ts';
import { PodRepair } from '../repair/pod-repair.ts';
import { type RestoreOutcome, runRestore } from '../repair/run-restore.ts';
import { layoutOf } from './installed-layout.ts';
import { layoutLeftovers } from './layout-leftovers.ts';

export interface PodRepairTask {
  /** Takes every event of the kernel. */
  onKernel(event: KernelEvent): void;
  close(): void;
}

interface Parts {
  agent: Agent;
  rt: RtnetlinkConnection;
  podCIDRs: () => readonly string[];
  /** Takes a sentence about what was restored. */
  onRestored: (message: string) => void;
  metrics: Metrics;
  log: Logger;
}

export function startPodRepair(
  config: Config,
  env: NodeJS.ProcessEnv,
  { agent, rt, podCIDRs, onRestored, metrics, log }: Parts,
): PodRepairTask {
  const { stateDir, cniBinDir, cniConfDir, cniCacheDir, resyncMs } = config;
  const program: PluginProgram = { plugin: join(cniBinDir, PLUGIN_NAME), searchPath: env.PATH };
  const report = (area: 'pods' | 'contested') => (problems: readonly Problem[]) =>
    agent.report(area, problems, 'pods');
  const contest = new Contest('links and rules of running pods', after, report('contested'));
  const repair = new PodRepair(
    {
      // The agent installs the plugin first.
      restore: async () => (existsSync(program.plugin) ? runRestore(program, cniCacheDir) : []),
      releaseEnded: (restored) =>
        releaseEnded(rt, restored, { ...program, conflist: readText(join(cniConfDir, CONFLIST_NAME)) }),
      retireRanges: () => {
        const running = runningAddresses(rt, stateDir);
        const stale = staleGateways(podCIDRs(), bridgeAddresses(rt), running);
        removeBridgeAddresses(rt, stale);
        for (const address of stale) {
          log.info({ change: 'address' }, `- address ${address} dev ${BRIDGE_NAME} (of an earlier podCIDR)`);
        }
        const conflist = readText(join(cniConfDir, CONFLIST_NAME));
        for (const { line, remove } of conflist === undefined
          ? []
          : layoutLeftovers(rt, layoutOf(conflist), podCIDRs())) {
          remove();
          log.info({ change: 'layout' }, line);
        }
        return outdatedPods(podCIDRs(), running, (pods) => withPodNames(cniCacheDir, pods));
      },
      podOf: (attachment) => describeOwner(cniCacheDir, attachment.network, attachment),
      report: report('pods'),
      onRestored: (message) => {
        contest.repaired(message);
        onRestored(message);
      },
      delayMs: () => contest.delayMs,
      log,
      metrics,
      after,
    },
    resyncMs,
  );
  const ended = new AbortController();
  followRules(ended.signal, repair, log);
  let bridge = rt.link({ name: BRIDGE_NAME })?.index;
  repair.start();
  return {
    onKernel: (event) => {
      const { index, lost } = bridgeAfter(event, bridge);
      bridge = index;
      if (lost) {
        repair.lost();
      }
    },
    close: () => {
      ended.abort();
      repair.close();
      contest.close();
    },
  };
}

/** Without events (legacy iptables, no nf_tables) the passes at each resync find losses. */
function followRules(signal: AbortSignal, repair: PodRepair, log: Logger): void {
  const follow = async (): Promise<void> => {
    for await (const event of monitorNftables({ signal })) {
      if (removesPodRules(event)) {
        repair.lost();
      }
    }
  };
  follow().catch((error: Error) => log.debug(`Cannot watch rules of pods: ${error.message}`));
}

/** Runs DEL for attachments whose link is gone: their DEL may have removed the rules just before they were restored. */
async function releaseEnded(
  rt: RtnetlinkConnection,
  restored: readonly RestoreOutcome[],
  { conflist, ...program }: PluginProgram & { conflist: string | undefined },
): Promise<void> {
  const names = new Set(vethLinks(rt).map(({ name }) => name));
  for (const { network, containerID, ifName } of restored) {
    if (
      conflist !== undefined &&
      network === NETWORK_NAME &&
      !names.has(hostVethName(network, containerID, ifName))
    ) {
      const leak = { kind: 'reservation', key: '', containerID, ifName, addresses: [] } as const;
      await releaseLeak(rt, { ...leak, addresses: [] }, { ...program, conflist });
    }
  }
}
