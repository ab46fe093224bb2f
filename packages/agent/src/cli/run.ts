/** `cnikit-agent run`: maintains the node's pod network until a signal. */
import { dirname, join } from 'node:path';
import { openRtnetlink } from '@cnikit/netlink';
import { releaseMemory } from '@cnikit/sys/memory';
import type { Logger } from 'pino';
import { PLUGIN_NAME } from '../apply/cni-names.ts';
import type { Config } from '../config/config.ts';
import { AgentError } from '../core/error.ts';
import type { KernelEvent } from '../core/kernel.ts';
import { CONFLIST_NAME } from '../core/names.ts';
import { after } from '../core/timers.ts';
import { collectGarbage } from '../core/v8-flags.ts';
import { version } from '../core/version.ts';
import { createSelfTest } from '../diagnose/self-test.ts';
import type { AgentStatus } from '../diagnose/status/ask-agent.ts';
import { serveHealth } from '../http/health.ts';
import { clearNetworkUnavailable, loadKubeConfig, removeTaint } from '../kube/api.ts';
import { DirectoryWatches } from '../observe/directory-watches.ts';
import { followNodes, Outage, type Position, watchNodes } from '../observe/nodes.ts';
import { ruleChanges } from '../observe/rule-changes.ts';
import { loadState } from '../observe/saved-state.ts';
import { Agent } from '../reconcile/agent.ts';
import { StateFiles } from '../reconcile/state-files.ts';
import { type Background, startBackground } from './background.ts';
import { openPolicies, ownPodCIDRs, type RunningPolicies } from './policies.ts';
import { agentDeps, openLog } from './wire.ts';

/** From the first rules in the kernel until the agent is idle. */
const COLLECTION_DELAY_MS = 3000;

/**
 * Runs until `shutdown` fires, and resolves once everything is closed.
 *
 * @throws {AgentError} when it cannot start, or when a mounted directory was deleted on the host
 */
export async function run(config: Config, env: NodeJS.ProcessEnv, shutdown: AbortSignal): Promise<void> {
  const log = openLog(config, 1);
  const kubeConfig = await loadKubeConfig(config, env);
  const deps = agentDeps(config, env, log);
  const taint = config.readinessTaint;
  const rt = openRtnetlink();
  const cached = loadState(config.stateDir, config.nodeName);
  const position: Position = { resourceVersion: cached?.resourceVersion };
  let background: Background | undefined;
  let policies: RunningPolicies | undefined;
  const lost = new AbortController();
  const signal = AbortSignal.any([shutdown, lost.signal]);
  const repaired = (path: string): void => background?.repaired(path);
  const agent: Agent = new Agent(
    {
      ...deps,
      clearNetworkUnavailable: (name) => clearNetworkUnavailable(kubeConfig, name),
      readinessTaint:
        taint === undefined
          ? undefined
          : { key: taint, remove: (name) => removeTaint(kubeConfig, name, taint) },
      selfTest: createSelfTest((packet) => rt.routeTo(packet)),
      onPass: () => {
        state.check();
        collectOnce();
      },
      onRepair: repaired,
      onNodes: () => {
        state.nodesChanged();
        policies?.setPodCIDRs(ownPodCIDRs(config, agent));
      },
    },
    config,
  );
  // The lists of the start are garbage by then. Later garbage is little.
  let cancelCollection: (() => void) | undefined;
  const isProgrammed = (): boolean =>
    agent.ready && (config.networkPolicy ? (policies?.programmed ?? false) : true);
  const collectOnce = (): void => {
    if (isProgrammed()) {
      cancelCollection ??= after(COLLECTION_DELAY_MS, () => returnMemory(log));
    }
  };
  const state = new StateFiles({
    stateDir: config.stateDir,
    nodeName: config.nodeName,
    needed: [join(config.cniBinDir, PLUGIN_NAME), join(config.cniConfDir, CONFLIST_NAME)],
    cached,
    position: () => position.resourceVersion,
    programmed: () => agent.ready && (policies?.programmed ?? true),
    problems: () => agent.problems,
    nodes: () => agent.nodes(),
    report: (area, problems) => agent.report(area, problems, config.stateDir),
    onRepair: repaired,
    onCheck: () => {
      watches.renew();
      assertMounted(watches, lost);
    },
    warn: (message) => log.warn(message),
    after,
    now: () => performance.now(),
  });
  const watches = watchFiles(config, agent, state, log);
  deps.metrics.onScrape(() => deps.metrics.set('ready', state.readiness.ready ? 1 : 0));
  log.info(
    { version, server: kubeConfig.getCurrentCluster()?.server },
    `Starting cnikit-agent ${version} on node ${config.nodeName}`,
  );

  // Subscribe before the first dump, so that no change between the two is missed.
  const kernelEvents = followKernel(deps.kernel.events(signal), (event) => {
    agent.onKernel(event);
    policies?.onKernel(event);
    background?.onKernel(event);
  });
  if (cached !== undefined) {
    log.info({ nodes: cached.nodes.length }, 'Restored saved node state');
    agent.setNodes(cached.nodes);
  }
  watchRules(agent, signal, deps.nftablesPort, log);
  const outage = new Outage(log, deps.metrics, after);
  const nodes = followNodes(watchNodes(kubeConfig, deps.metrics, signal, position), agent, outage);
  policies = await openPolicies(config, {
    kubeConfig,
    agent,
    metrics: deps.metrics,
    log,
    onChange: () => {
      state.check();
      collectOnce();
    },
  });
  policies?.setPodCIDRs(ownPodCIDRs(config, agent));
  background = startBackground(config, env, kubeConfig, agent, deps.metrics, log);
  const health =
    config.health === undefined
      ? undefined
      : await openHealth(config.health, agent, state, deps.metrics, log);

  const ended = new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  // Both end only with the signal, or with an unexpected error: then the process must exit.
  await Promise.race([ended, Promise.all([nodes, kernelEvents]), ...(policies ? [policies.ended] : [])]);
  cancelCollection?.();
  policies?.close();
  agent.close();
  watches.close();
  outage.close();
  background.close();
  health?.close();
  health?.closeAllConnections();
  state.close();
  deps.kernel.close();
  rt.close();
  log.info('Shutting down; the pod network stays in place');
  lost.signal.throwIfAborted();
}

/** Collects the garbage of the start, and returns its memory and its code to the kernel. */
function returnMemory(log: Logger): void {
  collectGarbage();
  try {
    log.debug({ bytes: releaseMemory() }, 'Returned memory to the kernel');
  } catch (error) {
    log.debug(`Cannot return memory to the kernel: ${(error as Error).message}`);
  }
}

async function followKernel(
  events: AsyncIterable<KernelEvent>,
  onKernel: (event: KernelEvent) => void,
): Promise<void> {
  for await (const event of events) {
    onKernel(event);
  }
}

/** Follows rule changes. Without events (legacy iptables, no nf_tables) the resync finds them. */
function watchRules(agent: Agent, signal: AbortSignal, ownPort: number | undefined, log: Logger): void {
  const follow = async (): Promise<void> => {
    for await (const _ of ruleChanges(signal, ownPort)) {
      agent.checkRules();
    }
  };
  follow().catch((error: Error) => log.debug(`Cannot watch rules: ${error.message}`));
}

/** Checks the files after every change in their directories. Without events the resync finds changes. */
function watchFiles(config: Config, agent: Agent, state: StateFiles, log: Logger): DirectoryWatches {
  const { cniBinDir, cniConfDir, stateDir, chain } = config;
  const chained = chain === undefined ? [] : [dirname(chain)];
  return new DirectoryWatches([cniBinDir, cniConfDir, stateDir, ...chained], {
    onChange: (dir) => (dir === stateDir ? state.changed() : agent.checkFiles()),
    refused: (dir, error) => log.debug(`Cannot watch ${dir}: ${error.message}`),
  });
}

/**
 * Ends the process when a directory was deleted under its mount. Only a restart of the container mounts the directory
 * that the host has now.
 */
function assertMounted(watches: DirectoryWatches, lost: AbortController): void {
  const [dir] = watches.deleted();
  if (dir !== undefined) {
    lost.abort(
      new AgentError(
        'NODE',
        `Directory ${dir} was deleted on the host, and the mount of this container leads to the deleted one: exiting, so that the restart mounts the directory again`,
      ),
    );
  }
}

async function openHealth(
  address: { host: string; port: number },
  agent: Agent,
  state: StateFiles,
  metrics: Parameters<typeof serveHealth>[1]['metrics'],
  log: Logger,
): Promise<Awaited<ReturnType<typeof serveHealth>> | undefined> {
  try {
    const status = (): AgentStatus => ({
      version,
      ready: state.readiness.ready,
      problems: [...agent.problems].map(({ message }) => message),
      changed: Object.fromEntries(agent.changedAt),
    });
    return await serveHealth(address, {
      readiness: () => state.readiness,
      problems: () => agent.problems,
      metrics,
      status,
      warn: (message) => log.warn(message),
    });
  } catch (error) {
    log.warn(
      `Cannot serve /healthz, /readyz and /metrics: ${(error as Error).message}. Choose another --health-address`,
    );
    return undefined;
  }
}
