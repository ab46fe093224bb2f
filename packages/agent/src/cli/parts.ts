/** What the commands share: the real kernel, rules and files of this node. */
import { type DestinationStream, destination, type Logger, pino } from 'pino';
import { createCni } from '../apply/cni.ts';
import { openKernel } from '../apply/netlink.ts';
import { createRules } from '../apply/rules.ts';
import type { Config } from '../config.ts';
import type { HostParts } from '../host.ts';
import type { AgentParts } from '../loop.ts';
import { Metrics } from '../metrics.ts';
import { after } from '../timers.ts';
import { findPluginBinary } from './plugin-binary.ts';

/** Logs JSON lines to file descriptor `fd`, at once: a line that explains an end must not be lost by it. */
export function openLog({ logLevel, nodeName }: Config, fd: number): Logger {
  const stream: DestinationStream = destination({ fd, sync: true });
  const formatters = { level: (level: string) => ({ level }) };
  return pino(
    { level: logLevel, base: { node: nodeName }, timestamp: pino.stdTimeFunctions.isoTime, formatters },
    stream,
  );
}

export function hostParts(config: Config): HostParts {
  return {
    rules: createRules(),
    cni: createCni({
      binDir: config.cniBinDir,
      confDir: config.cniConfDir,
      pluginBinary: findPluginBinary(config.pluginBinary),
    }),
  };
}

export function agentParts(config: Config, log: Logger): AgentParts {
  return { ...hostParts(config), kernel: openKernel(), log, metrics: new Metrics(), after };
}
