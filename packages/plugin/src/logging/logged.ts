import { normaliseKeys, type PluginIo, type PluginOutput } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { explain } from '../explain.ts';
import { isLogConf, logConfKeys } from '../guards.ts';
import { logLine } from './log-line.ts';
import { startTrace, type Trace } from './trace.ts';
import { writeLog } from './write-log.ts';

/**
 * Runs an invocation and logs it as the configuration's field `log` requests. A search of the text on stdin finds the
 * field, so an invocation without it reads no clock and parses nothing twice.
 *
 * Problems with the log are reported on stderr and have no other effect.
 */
export function logged(
  sys: Sys,
  plugin: string,
  run: (io: PluginIo) => PluginOutput,
): (io: PluginIo) => PluginOutput {
  return (io) => {
    let wanted: { trace: Trace; text: string } | undefined;
    const { env, sameNetns } = io;
    const traced: PluginIo = {
      env,
      sameNetns,
      mark: undefined,
      stdin: () => {
        const text = typeof io.stdin === 'string' ? io.stdin : io.stdin();
        // Without the first quote: `l` is rarer in a configuration than `"`, so the search takes a quarter of the time.
        if (wanted === undefined && text.includes('log"')) {
          wanted = { text, trace: startTrace(sys) };
          traced.mark = wanted.trace.mark;
        }
        return text;
      },
    };
    const output = run(traced);
    return wanted === undefined ? output : withLog(sys, plugin, io, output, wanted);
  };
}

function withLog(
  sys: Sys,
  plugin: string,
  io: PluginIo,
  output: PluginOutput,
  { trace, text }: { trace: Trace; text: string },
): PluginOutput {
  const conf = parsed(text);
  const given = (conf as { log?: unknown } | null)?.log ?? {};
  const log = normaliseKeys(given, logConfKeys);
  if (!isLogConf(log)) {
    return { ...output, stderr: `${output.stderr}Invalid "log" configuration: ${explain('logConf', log)}\n` };
  }
  trace.mark('rest');
  const line = logLine(io, output, { plugin, time: sys.realtimeMs(), conf, trace: trace.phases });
  const trouble = writeLog(sys, log, { line, failed: output.exitCode !== 0 });
  return { ...output, stderr: `${output.stderr}${log.stderr ? `${line}\n` : ''}${trouble}` };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
