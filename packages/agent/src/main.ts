/** The program: connects arguments, environment, signals and output to the commands. */
import process from 'node:process';
import { runCommand } from './cli/command.ts';

const output = {
  out: (text: string) => void listened(process.stdout).write(text),
  err: (text: string) => void listened(process.stderr).write(text),
};
/** Aborts when the output takes no more text. */
const closed = new AbortController();
let failure: NodeJS.ErrnoException | undefined;

/** A command goes on when its output fails: its reader may have ended, as `head` does. */
function listened(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return stream.listenerCount('error') > 0
    ? stream
    : stream.on('error', (error: NodeJS.ErrnoException) => {
        failure ??= error;
        closed.abort();
      });
}

/** Returns a signal that aborts on SIGTERM and SIGINT, and when the output has failed. */
function shutdownSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => controller.abort());
  }
  return AbortSignal.any([controller.signal, closed.signal]);
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
  process.once('exit', () => {
    if (failure !== undefined && failure.code !== 'EPIPE') {
      // 1 is an answer of some commands.
      process.exitCode = 2;
      output.err(`Cannot write the output: ${failure.message}\n`);
    }
  });
});
