/**
 * The minimal plugin with one fault, named on the command line: what the suite has to find.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { dispatch } from '@cnikit/cni-spec';
import { plugin } from '../../../examples/minimal-plugin/minimal-plugin.ts';

/** What the plugin was asked and said. */
interface Run {
  command: string;
  env: NodeJS.ProcessEnv;
  stdin: string;
  exitCode: number;
  stdout: string;
}

const edit = (run: Run, change: (document: Record<string, unknown>) => void): Run => {
  if (!run.stdout) return run;
  const document = JSON.parse(run.stdout);
  change(document);
  return { ...run, stdout: JSON.stringify(document) };
};
const onAdd = (run: Run, change: (document: Record<string, unknown>) => void): Run =>
  run.command === 'ADD' && run.exitCode === 0 ? edit(run, change) : run;
const onError = (run: Run, change: (document: Record<string, unknown>) => void): Run =>
  run.exitCode ? edit(run, change) : run;
const fail = (run: Run): Run => ({
  ...run,
  exitCode: 1,
  stdout: '{"cniVersion":"1.0.0","code":999,"msg":"Faulty"}',
});
const succeed = (run: Run): Run => ({ ...run, exitCode: 0, stdout: '' });

/** Each with the change it makes to what a good plugin says. */
export const faults: Record<string, (run: Run) => Run> = {
  'logs-on-stdout': (run) => (run.command === 'ADD' ? { ...run, stdout: `hello\n${run.stdout}` } : run),
  'wrong-version': (run) => onAdd(run, (result) => (result.cniVersion = '0.4.0')),
  'wrong-sandbox': (run) =>
    onAdd(run, (result) => {
      for (const one of result.interfaces as { sandbox?: string }[])
        if (one.sandbox) one.sandbox = '/proc/1/ns/net';
    }),
  'bad-index': (run) => onAdd(run, (result) => (result.ips = [{ address: '10.1.0.2/24', interface: 7 }])),
  'errors-exit-0': (run) => ({ ...run, exitCode: 0 }),
  'text-errors': (run) => (run.exitCode ? { ...run, stdout: 'it failed' } : run),
  'code-as-text': (run) => onError(run, (error) => (error.code = String(error.code))),
  'reserved-code': (run) => onError(run, (error) => (error.code = 42)),
  'del-once': (run) => (run.command === 'DEL' && !run.env.CNI_NETNS ? fail(run) : run),
  'check-blind': (run) => (run.command === 'CHECK' ? succeed(run) : run),
  'check-fails': (run) => (run.command === 'CHECK' ? fail(run) : run),
  'status-speaks': (run) => (run.command === 'STATUS' ? { ...run, stdout: '{"ready":true}' } : run),
  'gc-fails': (run) => (run.command === 'GC' ? fail(run) : run),
  'any-version': (run) => (run.exitCode && run.stdout.includes('"code":1,') ? succeed(run) : run),
  'any-name': (run) => (run.exitCode && run.stdout.includes('"code":7,') ? succeed(run) : run),
  'any-stdin': (run) => (run.exitCode && run.stdout.includes('"code":6,') ? succeed(run) : run),
  'any-env': (run) => (run.exitCode && run.stdout.includes('"code":4,') ? succeed(run) : run),
  'version-needs-stdin': (run) => (run.command === 'VERSION' && run.stdin === '' ? fail(run) : run),
  none: (run) => run,
};

const fault = faults[process.argv[2] ?? ''];
if (fault) {
  const stdin = readFileSync(0, 'utf8');
  const { env } = process;
  const said = dispatch(plugin, {
    env,
    stdin,
    sameNetns: (path) => realpath(path) === realpath('/proc/self/ns/net'),
  });
  const { stdout, exitCode } = fault({
    command: env.CNI_COMMAND ?? '',
    env,
    stdin,
    exitCode: said.exitCode,
    stdout: said.stdout,
  });
  process.stderr.write(said.stderr);
  process.stdout.write(stdout);
  process.exitCode = exitCode;
}

/** Namespaces are told apart by the inode that the link's text names. */
function realpath(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
