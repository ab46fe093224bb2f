/** The independent tasks of `run`: releasing leaks, sending Events, and gauges that are computed on scrape. */
import { join } from 'node:path';
import { openRtnetlink } from '@cnikit/netlink';
import type { KubeConfigLike } from '@cnikit/watch';
import type { Logger } from 'pino';
import { PLUGIN_NAME } from '../apply/cni-names.ts';
import { readText } from '../apply/files.ts';
import type { Config } from '../config/config.ts';
import type { KernelEvent } from '../core/kernel.ts';
import type { Metrics } from '../core/metrics.ts';
import { CONFLIST_NAME } from '../core/names.ts';
import { problemKinds } from '../core/problem.ts';
import { after } from '../core/timers.ts';
import { apiSink } from '../kube/api-sink.ts';
import { EventRecorder } from '../kube/event-recorder.ts';
import { LeakCollector } from '../leaks/collector.ts';
import { collectIndex, releaseLeak, scanLeaks } from '../leaks/node-leaks.ts';
import { fullRanges, type PoolUse, poolsOf } from '../leaks/pools.ts';
import { runtimeListens } from '../leaks/runtime.ts';
import type { Agent } from '../reconcile/agent.ts';
import { podLayouts } from '../repair/pod-layouts.ts';
import { startPodRepair } from './pod-repair.ts';

export interface Background {
  /** Records that another program changed or removed a file and the agent reinstalled it. */
  repaired(path: string): void;
  /** Takes every event of the kernel. */
  onKernel(event: KernelEvent): void;
  close(): void;
}

export function startBackground(
  config: Config,
  env: NodeJS.ProcessEnv,
  kubeConfig: KubeConfigLike,
  agent: Agent,
  metrics: Metrics,
  log: Logger,
): Background {
  const podCIDRs = (): readonly string[] =>
    [...agent.nodes()].find(({ name }) => name === config.nodeName)?.podCIDRs ?? [];
  const pools = (): PoolUse[] => poolsOf(config.stateDir, podCIDRs());
  const rt = openRtnetlink();
  gauges(agent, pools, () => podLayouts(rt), metrics);
  const events = new EventRecorder({
    problems: () => [...agent.problems, ...fullRanges(pools())],
    podCIDRs,
    sink: apiSink(kubeConfig, config.nodeName),
    after,
    now: Date.now,
    sent: () => metrics.add('events_sent'),
    refused: ({ message }) => log.warn(`Cannot create Kubernetes Events: ${message}`),
  });
  events.start();
  const closeCollector = startCollector(config, env, metrics, log);
  const onRestored = (message: string): void =>
    events.note({
      key: 'restored pods',
      reason: 'PodNetworkRestored',
      message: `${message}. Find that program: a restart of nftables.service, another CNI, a clean-up job`,
    });
  const repair = startPodRepair(config, env, { agent, rt, podCIDRs, onRestored, metrics, log });
  return {
    repaired: (path) =>
      events.note({
        key: `repaired ${path}`,
        reason: 'CNIFileRepaired',
        message: `Another program changed or removed ${path}; the agent reinstalled it. Find that program: a package upgrade, a clean-up job, another CNI`,
      }),
    onKernel: (event) => repair.onKernel(event),
    close: () => {
      events.close();
      closeCollector();
      repair.close();
      rt.close();
    },
  };
}

function startCollector(config: Config, env: NodeJS.ProcessEnv, metrics: Metrics, log: Logger): () => void {
  const { leakGraceMs: graceMs, stateDir, runtimeSocket, resyncMs: intervalMs } = config;
  if (graceMs === undefined) {
    return () => undefined;
  }
  const rt = openRtnetlink();
  const plugin = join(config.cniBinDir, PLUGIN_NAME);
  const collector = new LeakCollector(
    {
      scan: () => {
        collectIndex(stateDir);
        return scanLeaks(rt, config);
      },
      release: (leak) => {
        const conflist = readText(join(config.cniConfDir, CONFLIST_NAME));
        return conflist === undefined
          ? Promise.reject(new Error(`cannot run DEL: ${CONFLIST_NAME} is missing`))
          : releaseLeak(rt, leak, { plugin, searchPath: env.PATH, conflist });
      },
      runtimeUp: () => runtimeListens(runtimeSocket),
      log,
      metrics,
      after,
      now: () => performance.now(),
    },
    { graceMs, intervalMs },
  );
  collector.start();
  return () => {
    collector.close();
    rt.close();
  };
}

function gauges(
  agent: Agent,
  poolUse: () => PoolUse[],
  pods: () => Record<string, number>,
  metrics: Metrics,
): void {
  metrics.onScrape(() => {
    const pools = poolUse();
    metrics.clear('problems');
    for (const { kind } of [...agent.problems, ...fullRanges(pools)]) {
      metrics.add('problems', 1, { area: problemKinds[kind].area });
    }
    for (const [layout, count] of Object.entries(pods())) {
      metrics.set('pods', count, { layout });
    }
    metrics.clear('ipam_addresses');
    for (const { range, used, free } of pools) {
      metrics.set('ipam_addresses', used, { range, state: 'used' });
      metrics.set('ipam_addresses', free, { range, state: 'free' });
    }
  });
}
