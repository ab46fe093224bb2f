/** The program: connects arguments, environment, signals and output to the commands. */
import process from 'node:process';
import { runCommand } from './cli/command.ts';

const output = {
  out: (text: string) => void process.stdout.write(text),
  err: (text: string) => void process.stderr.write(text),
};

/** Returns a signal that aborts on SIGTERM and SIGINT. */
function shutdownSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => controller.abort());
  }
  return controller.signal;
}

async function main(): Promise<number> {
  if (process.argv[2] === 'code-cache') {
    // start.ts then saves what V8 has compiled until here.
    await import('./cli/run.ts');
    return 0;
  }
  return await runCommand(process.argv.slice(2), process.env, output, shutdownSignal);
}

void main().then((status) => {
  // Not process.exit(): it would discard output that a pipe has not taken yet.
  process.exitCode = status;
});
