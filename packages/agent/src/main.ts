/** The program: connects arguments, environment, signals and output to the commands. */
import process from 'node:process';
import type { Output } from './cli/plan.ts';
import { parseConfig } from './config/config.ts';
import { AgentError } from './core/error.ts';
import { saveMemory } from './core/v8-flags.ts';
import { version } from './core/version.ts';

const output: Output = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

/** Returns a signal that aborts on SIGTERM and SIGINT. */
function shutdownSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => controller.abort());
  }
  return controller.signal;
}

/** Loads each command on demand: the API client is most of the program. */
async function main(): Promise<number> {
  if (process.argv[2] === 'code-cache') {
    // start.ts then saves what V8 has compiled until here.
    await import('./cli/run.ts');
    return 0;
  }
  const config = parseConfig(process.argv.slice(2), process.env);
  switch (config.command) {
    case 'help':
      output.out((await import('./cli/help.ts')).helpText(config.topic));
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
      return await (await import('./cli/status.ts')).status(config, process.env, output, shutdownSignal());
    case 'policy':
      return await (await import('./cli/policy.ts')).policy(config, process.env, output);
    case 'rollback':
      return (await import('./cli/rollback.ts')).rollback(config, output);
    case 'cleanup':
      return await (await import('./cli/cleanup.ts')).cleanup(config, process.env, output);
    case 'run': {
      saveMemory();
      const { run } = await import('./cli/run.ts');
      await run(config, process.env, shutdownSignal());
      return 0;
    }
  }
}

main().then(
  // Not process.exit(): it would discard output that a pipe has not taken yet.
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
