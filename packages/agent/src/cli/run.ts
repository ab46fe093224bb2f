/** `cnikit-agent run`: maintains the node's pod network until a signal. */
import { mkdirSync, watch as watchDirectory } from 'node:fs';
import { dirname } from 'node:path';
import { openRtnetlink, type Route } from '@cnikit/netlink';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { KernelEvent } from '../core/kernel.ts';
import { after, Timers } from '../core/timers.ts';
import { version } from '../core/version.ts';
import { createSelfTest } from '../diagnose/self-test.ts';
import type { AgentStatus } from '../diagnose/status/ask-agent.ts';
import { serveHealth } from '../http/health.ts';
import { clearNetworkUnavailable, loadKubeConfig, removeTaint } from '../kube/api.ts';
import { followNodes, Outage, type Position, watchNodes } from '../observe/nodes.ts';
import { ruleChanges } from '../observe/rule-changes.ts';
import { loadState, saveState } from '../observe/saved-state.ts';
import { Agent } from '../reconcile/agent.ts';
import { ReadinessFile, ReadinessPolicy } from '../reconcile/readiness.ts';
import { type Background, startBackground } from './background.ts';
import { agentDeps, openLog } from './wire.ts';

/** Delay before the state is saved, so that a burst of node changes causes one write. */
const SAVE_MS = 1000;

/**
 * Runs until `signal` fires, and resolves once everything is closed.
 *
 * @throws {AgentError} when it cannot start
 */
export async function run(config: Config, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  const log = openLog(config, 1);
  const kubeConfig = await loadKubeConfig(config, env);
  const deps = agentDeps(config, env, log);
  const timers = new Timers<'save'>(after);
  const readiness = new ReadinessFile(config.stateDir);
  const readinessPolicy = new ReadinessPolicy();
  const taint = config.readinessTaint;
  const rt = openRtnetlink();
  const lookup = (dst: string): Route | undefined => rt.routeTo({ dst });
  const cached = loadState(config.stateDir, config.nodeName);
  const position: Position = { resourceVersion: cached?.resourceVersion };
  const save = (): void => {
    try {
      saveState(config.stateDir, config.nodeName, { nodes: agent.nodes(), ...position });
    } catch (error) {
      log.warn(
        `Cannot save the node state, which a start without the API server needs: ${(error as Error).message}`,
      );
    }
  };
  let background: Background | undefined;
  const agent: Agent = new Agent(
    {
      ...deps,
      clearNetworkUnavailable: (name) => clearNetworkUnavailable(kubeConfig, name),
      readinessTaint:
        taint === undefined
          ? undefined
          : { key: taint, remove: (name) => removeTaint(kubeConfig, name, taint) },
      selfTest: createSelfTest(lookup),
      onPass: () => {
        try {
          const now = readinessPolicy.evaluate(agent.ready, agent.problems, performance.now());
          if (now !== undefined) {
            readiness.write(now);
          }
        } catch (error) {
          log.warn(`Cannot write the readiness file: ${(error as Error).message}`);
        }
      },
      onRepair: (path) => background?.repaired(path),
      onNodes: () => timers.start('save', SAVE_MS, save),
    },
    config,
  );
  log.info(
    { version, server: kubeConfig.getCurrentCluster()?.server },
    `Starting cnikit-agent ${version} on node ${config.nodeName}`,
  );

  // Subscribe before the first dump, so that no change between the two is missed.
  const kernelEvents = followKernel(deps.kernel.events(signal), agent);
  if (cached !== undefined) {
    log.info({ nodes: cached.nodes.length }, 'Restored saved node state');
    agent.setNodes(cached.nodes);
  }
  watchRules(agent, signal, log);
  const outage = new Outage(log, deps.metrics, after);
  const nodes = followNodes(watchNodes(kubeConfig, deps.metrics, signal, position), agent, outage);
  const chained = config.chain === undefined ? [] : [dirname(config.chain)];
  watchFiles([config.cniBinDir, config.cniConfDir, ...chained], agent, signal, log);
  background = startBackground(config, kubeConfig, agent, deps.metrics, log);
  const health =
    config.health === undefined ? undefined : await openHealth(config.health, agent, deps.metrics, log);

  const ended = new Promise<void>((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  // Both end only with the signal, or with an unexpected error: then the process must exit.
  await Promise.race([ended, Promise.all([nodes, kernelEvents])]);
  agent.close();
  outage.close();
  background.close();
  health?.close();
  health?.closeAllConnections();
  if (timers.due('save')) {
    save();
  }
  timers.close();
  deps.kernel.close();
  rt.close();
  log.info('Shutting down; the pod network stays in place');
}

async function followKernel(events: AsyncIterable<KernelEvent>, agent: Agent): Promise<void> {
  for await (const event of events) {
    agent.onKernel(event);
  }
}

/** Follows rule changes. Without events (legacy iptables, no nf_tables) the resync finds them. */
function watchRules(agent: Agent, signal: AbortSignal, log: Logger): void {
  const follow = async (): Promise<void> => {
    for await (const _ of ruleChanges(signal)) {
      agent.checkRules();
    }
  };
  follow().catch((error: Error) => log.debug(`Cannot watch rules: ${error.message}`));
}

/** Checks the files after every change in their directories. Without events the resync finds changes. */
function watchFiles(dirs: readonly string[], agent: Agent, signal: AbortSignal, log: Logger): void {
  for (const dir of dirs) {
    try {
      mkdirSync(dir, { recursive: true });
      watchDirectory(dir, { signal, persistent: false }, () => agent.checkFiles()).on(
        'error',
        () => undefined,
      );
    } catch (error) {
      log.debug(`Cannot watch ${dir}: ${(error as Error).message}`);
    }
  }
}

async function openHealth(
  address: { host: string; port: number },
  agent: Agent,
  metrics: Parameters<typeof serveHealth>[1]['metrics'],
  log: Logger,
): Promise<Awaited<ReturnType<typeof serveHealth>> | undefined> {
  try {
    const status = (): AgentStatus => ({
      version,
      ready: agent.ready,
      problems: [...agent.problems].map(({ message }) => message),
      changed: Object.fromEntries(agent.changedAt),
    });
    return await serveHealth(address, {
      ready: () => agent.ready,
      problems: () => agent.problems,
      metrics,
      status,
    });
  } catch (error) {
    log.warn(
      `Cannot serve /healthz, /readyz and /metrics: ${(error as Error).message}. Choose another --health-address`,
    );
    return undefined;
  }
}
