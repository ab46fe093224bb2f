/** Connects the commands to the real kernel, rules and files of this node. */
import { release } from 'node:os';
import { join } from 'node:path';
import { destination, type Logger, pino } from 'pino';
import { CniFiles } from '../apply/cni-files.ts';
import { readText } from '../apply/files.ts';
import { openKernel } from '../apply/netlink-kernel.ts';
import { versionAsker } from '../apply/probe-executable.ts';
import { openSets } from '../apply/sets.ts';
import type { Config } from '../config/config.ts';
import { Metrics } from '../core/metrics.ts';
import type { Chain } from '../core/model.ts';
import { CONFLIST_NAME } from '../core/names.ts';
import { after } from '../core/timers.ts';
import { hasRandomPorts } from '../desired/rules.ts';
import { chainReader } from '../observe/chain.ts';
import { earlierConfigurations } from '../observe/configurations.ts';
import type { AgentDeps } from '../reconcile/agent.ts';
import type { PlanDeps } from '../reconcile/node-plan.ts';
import { openPacketFilter, type PacketFilterDeps } from './packet-filter.ts';
import { findPluginBinary } from './plugin-binary.ts';

/** Bytes of lines that wait for a destination that takes none, such as a full disk. Later lines are lost. */
const MAX_UNWRITTEN_BYTES = 64 * 1024;

/**
 * Logs JSON lines to file descriptor `fd`, synchronously: the line that explains an exit must not be lost. A line that
 * cannot be written ends nothing.
 */
export function openLog({ logLevel, nodeName }: Config, fd: number): Logger {
  const stream = destination({ fd, sync: true, maxLength: MAX_UNWRITTEN_BYTES });
  stream.on('error', () => undefined);
  const formatters = { level: (level: string) => ({ level }) };
  return pino(
    { level: logLevel, base: { node: nodeName }, timestamp: pino.stdTimeFunctions.isoTime, formatters },
    stream,
  );
}

function hostDeps(config: Config, env: NodeJS.ProcessEnv) {
  return {
    ...openPacketFilter(config.packetFilter, env),
    randomPorts: hasRandomPorts(release()),
    sets: openSets(),
    cni: new CniFiles({
      binDir: config.cniBinDir,
      confDir: config.cniConfDir,
      pluginBinary: findPluginBinary(config.pluginBinary),
      links: config.pluginLinks,
    }),
    configurationProblems: () => earlierConfigurations(config.cniConfDir),
  };
}

/** Returns a reader of the --chain file; undefined without that option. */
export function chainOf({ chain, cniConfDir, cniBinDir, pluginLinks }: Config): (() => Chain) | undefined {
  const installed = (): string | undefined => readText(join(cniConfDir, CONFLIST_NAME));
  return chain === undefined
    ? undefined
    : chainReader(chain, installed, versionAsker(cniBinDir, pluginLinks));
}

export function agentDeps(config: Config, env: NodeJS.ProcessEnv, log: Logger): AgentDeps & PacketFilterDeps {
  const kernel = openKernel();
  return { ...hostDeps(config, env), chain: chainOf(config), kernel, log, metrics: new Metrics(), after };
}

/** Returns the dependencies of the commands that change nothing: plan, doctor and status. */
export function planDeps(config: Config, env: NodeJS.ProcessEnv): PlanDeps {
  return {
    ...hostDeps(config, env),
    chain: chainOf(config),
    kernel: openKernel(),
    installedConflist: () => readText(join(config.cniConfDir, CONFLIST_NAME)),
  };
}
