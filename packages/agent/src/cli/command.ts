/** Runs a command of the program. */
import { parseConfig } from '../config/config.ts';
import { AgentError } from '../core/error.ts';
import { saveMemory } from '../core/v8-flags.ts';
import { version } from '../core/version.ts';
import type { Output } from './plan.ts';

/** Runs the command that `argv` names until it ends or `shutdown` fires. Returns the exit status. */
export async function runCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  output: Output,
  shutdown: () => AbortSignal,
): Promise<number> {
  try {
    return await dispatch(argv, env, output, shutdown);
  } catch (error) {
    if (!(error instanceof AgentError)) {
      throw error;
    }
    output.err(`cnikit-agent: ${error.message}\n`);
    return error.code === 'USAGE' ? 2 : 1;
  }
}

/** Loads each command on demand: the API client is most of the program. */
async function dispatch(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  output: Output,
  shutdown: () => AbortSignal,
): Promise<number> {
  const config = parseConfig(argv, env);
  switch (config.command) {
    case 'help':
      output.out((await import('./help.ts')).helpText(config.topic));
      return 0;
    case 'version':
      output.out(`${version}\n`);
      return 0;
    case 'plan':
      return await (await import('./plan.ts')).plan(config, env, output);
    case 'apply':
      return await (await import('./plan.ts')).applyOnce(config, env);
    case 'install':
      return (await import('./install.ts')).install(config, output);
    case 'doctor':
      return await (await import('./doctor.ts')).doctor(config, env, output);
    case 'status':
      return await (await import('./status.ts')).status(config, env, output, shutdown());
    case 'policy':
      return await (await import('./policy.ts')).policy(config, env, output);
    case 'rollback':
      return (await import('./rollback.ts')).rollback(config, output);
    case 'cleanup':
      return await (await import('./cleanup.ts')).cleanup(config, env, output);
    case 'run': {
      saveMemory();
      const { run } = await import('./run.ts');
      await run(config, env, shutdown());
      return 0;
    }
  }
}
