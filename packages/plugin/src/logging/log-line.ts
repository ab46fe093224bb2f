import type { PluginIo, PluginOutput } from '@cnikit/cni-spec';

/** Of what somebody else wrote, before it is cut: a datagram has its limits. */
const TEXT_LIMIT = 1000;

/** What a line tells besides the invocation itself. */
export interface LogFacts {
  /** The name that the plugin was run as. */
  plugin: string;
  /** CLOCK_REALTIME, milliseconds. */
  time: number;
  /** The network configuration, decoded as far as it goes. */
  conf: unknown;
  /** Milliseconds by phase. */
  trace: Readonly<Record<string, number>>;
}

/** One line of JSON in ASCII about one verb, without the newline. `code` is 0 for success, else the CNI error's. */
export function logLine({ env }: PluginIo, output: PluginOutput, facts: LogFacts): string {
  const { plugin, time, conf, trace } = facts;
  const { code = 0, msg, details } = output.exitCode === 0 ? {} : errorOf(output.stdout);
  const line = JSON.stringify({
    time: new Date(time).toISOString(),
    plugin,
    verb: clipped(env.CNI_COMMAND),
    network: clipped((conf as { name?: unknown } | null)?.name),
    containerID: clipped(env.CNI_CONTAINERID),
    ifName: clipped(env.CNI_IFNAME),
    netns: clipped(env.CNI_NETNS),
    code,
    msg: clipped(msg),
    details: clipped(details),
    durationMs: Math.round(Object.values(trace).reduce((sum, ms) => sum + ms, 0) * 1000) / 1000,
    trace,
  });
  return line.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function errorOf(stdout: string): { code?: unknown; msg?: unknown; details?: unknown } {
  try {
    return JSON.parse(stdout);
  } catch {
    return { code: 999 };
  }
}

/** Absent for what is no text or empty. */
function clipped(text: unknown): string | undefined {
  return typeof text === 'string' && text !== '' ? text.slice(0, TEXT_LIMIT) : undefined;
}
