import { spawn } from 'node:child_process';
import { LabError } from './errors.ts';

/** Result of a command. A command ended by a signal has a `status` of at least 128. */
export interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

/** Options for running a command. */
export interface ExecOptions {
  /** Text for standard input. @default '' */
  input?: string;
  /** The whole environment. @default the environment of this process */
  env?: Record<string, string>;
  /** Milliseconds until the command is killed and the call fails. @default 30_000 */
  timeoutMs?: number;
}

/**
 * Runs a command and returns its result, also after a failure.
 *
 * @throws {LabError} CANNOT_START when the program cannot be started, TIMEOUT when it does not exit in time
 */
export function execute(argv: readonly string[], options: ExecOptions = {}): Promise<Outcome> {
  const { input = '', env, timeoutMs = 30_000 } = options;
  const [file = '', ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'pipe', env });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new LabError('TIMEOUT', `${argv.join(' ')} did not exit within ${timeoutMs} ms`));
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
    // The program may exit without reading its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

/**
 * Runs a command that must succeed.
 *
 * @returns its standard output
 * @throws {LabError} COMMAND_FAILED with the command and its output
 */
export async function must(argv: readonly string[], options: ExecOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await execute(argv, options);
  if (status !== 0) {
    const output = (stderr || stdout).trim();
    throw new LabError('COMMAND_FAILED', `${argv.join(' ')} ended with status ${status}: ${output}`);
  }
  return stdout;
}
