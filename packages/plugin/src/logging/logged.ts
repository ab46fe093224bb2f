import { normaliseKeys, type PluginIo, type PluginOutput } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { explain } from '../explain.ts';
import { isLogConf, logConfKeys } from '../guards.ts';
import { logLine } from './log-line.ts';
import { startTrace, type Trace } from './trace.ts';
import { writeLog } from './write-log.ts';

/**
 * Runs an invocation and logs it as its configuration's field `log` asks. Whether there is such a field is told from
 * the text on stdin, so that an invocation which nobody wants logged asks no clock and parses nothing twice.
 *
 * Whatever is wrong with the log is said on stderr and changes nothing else.
 */
export function logged(
  sys: Sys,
  plugin: string,
  run: (io: PluginIo) => PluginOutput,
): (io: PluginIo) => PluginOutput {
  return (io) => {
    let wanted: { trace: Trace; text: string } | undefined;
    const traced: PluginIo = {
      ...io,
      stdin() {
        const text = typeof io.stdin === 'string' ? io.stdin : io.stdin();
        if (wanted === undefined && text.includes('"log"')) {
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
    return { ...output, stderr: `${output.stderr}Cannot log as asked: log: ${explain('logConf', log)}\n` };
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
