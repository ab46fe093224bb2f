/** The command: wires arguments, environment, signals and output, nothing else. */
import process from 'node:process';
import { setFlagsFromString } from 'node:v8';
import { help, helpOf } from './cli/help.ts';
import type { Output } from './cli/plan.ts';
import { parseConfig } from './config/config.ts';
import { AgentError } from './core/error.ts';
import { version } from './core/version.ts';

const output: Output = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

/** Fires when the process is told to end. */
function ended(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => controller.abort());
  }
  return controller.signal;
}

/**
 * For memory, at no cost that an agent would notice. Of 5,000 listed nodes nearly everything is garbage at once, for
 * which V8 would grow its young generation; set before it has grown, these work like command line options, which
 * not everybody who starts us would give.
 */
function keepSmall(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--optimize-for-size');
}

/** Each command loads what it needs only: the API's client is most of the program. */
async function main(): Promise<number> {
  const config = parseConfig(process.argv.slice(2), process.env);
  switch (config.command) {
    case 'help':
      output.out(config.topic === undefined ? help : helpOf(config.topic));
      return 0;
    case 'version':
      output.out(`${version}\n`);
      return 0;
    case 'plan':
      return await (await import('./cli/plan.ts')).plan(config, process.env, output);
    case 'apply':
      return await (await import('./cli/plan.ts')).applyOnce(config, process.env);
    case 'install':
      return (await import('./cli/install.ts')).install(config, output);
    case 'doctor':
      return await (await import('./cli/doctor.ts')).doctor(config, process.env, output);
    case 'status':
      return await (await import('./cli/status.ts')).status(config, process.env, output, ended());
    case 'rollback':
      return (await import('./cli/rollback.ts')).rollback(config, output);
    case 'cleanup':
      return (await import('./cli/cleanup.ts')).cleanup(config, output);
    case 'run': {
      keepSmall();
      const { run } = await import('./cli/run.ts');
      await run(config, process.env, ended());
      return 0;
    }
  }
}

main().then(
  // Not process.exit(): what was printed to a pipe has to be read first.
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    if (!(error instanceof AgentError)) {
      throw error;
    }
    output.err(`cnikit-agent: ${error.message}\n`);
    process.exitCode = error.code === 'USAGE' ? 2 : 1;
  },
);
