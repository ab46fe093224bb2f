import { spawn } from 'node:child_process';

/** One run of the plugin. */
export interface Invocation {
  command: string;
  exitCode: number;
  stdout: string;
  stderr: string;
  /** stdout as a JSON object; undefined if it is not one. */
  reply: Record<string, unknown> | undefined;
  /** Milliseconds from the exit of the process to the end of its output; long when a descendant keeps it open. */
  lingeredMs: number;
  /** True when it was killed after the time limit. */
  timedOut: boolean;
}

const TIMEOUT_MS = 30_000;

/** Runs an executable with exactly this environment and standard input. */
export function invoke(file: string, env: Record<string, string>, stdin: string): Promise<Invocation> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, [], { env, stdio: 'pipe', detached: true });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let exitedAt = 0;
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      if (child.pid !== undefined) {
        process.kill(-child.pid, 'SIGKILL');
      }
      child.stdout.destroy();
      child.stderr.destroy();
    }, TIMEOUT_MS);
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('exit', () => {
      exitedAt = performance.now();
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      const stdout = Buffer.concat(out).toString();
      resolve({
        command: env.CNI_COMMAND ?? '',
        exitCode: code ?? 255,
        stdout,
        stderr: Buffer.concat(err).toString(),
        reply: parse(stdout),
        lingeredMs: performance.now() - exitedAt,
        timedOut,
      });
    });
  });
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
