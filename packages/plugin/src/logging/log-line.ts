import type { PluginIo, PluginOutput } from '@cnikit/cni-spec';

/** Maximum length of text from other programs, since a datagram is limited. */
const TEXT_LIMIT = 1000;

/** The content of a line besides the invocation itself. */
export interface LogFacts {
  /** Name that the plugin was invoked by. */
  plugin: string;
  /** CLOCK_REALTIME, milliseconds. */
  time: number;
  /** The network configuration, as far as it could be decoded. */
  conf: unknown;
  /** Milliseconds by phase. */
  trace: Readonly<Record<string, number>>;
}

/** Formats one verb as a line of ASCII JSON, without the newline. `code` is 0 for success, otherwise the CNI error code. */
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

/** Returns undefined for an empty string and for other types. */
function clipped(text: unknown): string | undefined {
  return typeof text === 'string' && text !== '' ? text.slice(0, TEXT_LIMIT) : undefined;
}
