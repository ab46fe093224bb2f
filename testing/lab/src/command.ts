import { spawn } from 'node:child_process';
import { LabError } from './errors.ts';

/** How a command ended. `status` is 128 + the signal's number when a signal ended it. */
export interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

/** How to run a command. */
export interface ExecOptions {
  /** Text for standard input; without it standard input is empty. */
  input?: string;
  /** The whole environment; without it that of this process. */
  env?: Record<string, string>;
  /** Milliseconds after which the command is killed and the call fails; 30,000 when not given. */
  timeoutMs?: number;
}

/**
 * Runs a command to its end, whatever its status.
 *
 * @throws LabError CANNOT_START when there is no such program, TIMEOUT when it did not end in time
 */
export function execute(argv: readonly string[], options: ExecOptions = {}): Promise<Outcome> {
  const { input = '', env, timeoutMs = 30_000 } = options;
  const [file = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'pipe', ...(env && { env }) });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new LabError('TIMEOUT', `${argv.join(' ')} did not end within ${timeoutMs} ms`));
    }, timeoutMs);
    child.stdout.on('data', (data) => out.push(data));
    child.stderr.on('data', (data) => err.push(data));
    child.once('error', (cause) => {
      clearTimeout(late);
      reject(new LabError('CANNOT_START', `Cannot run ${argv.join(' ')}: ${cause.message}`, { cause }));
    });
    child.once('close', (status, signal) => {
      clearTimeout(late);
      const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString();
      resolve({ status: status ?? (signal ? 128 : 1), stdout: text(out), stderr: text(err) });
    });
    // A program may end without reading what it was given.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/**
 * Runs a command that must succeed.
 *
 * @returns what it wrote to standard output
 * @throws LabError COMMAND_FAILED with the command and what it said
 */
export async function must(argv: readonly string[], options: ExecOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await execute(argv, options);
  if (status !== 0) {
    const said = (stderr || stdout).trim();
    throw new LabError('COMMAND_FAILED', `${argv.join(' ')} ended with status ${status}: ${said}`);
  }
  return stdout;
}
