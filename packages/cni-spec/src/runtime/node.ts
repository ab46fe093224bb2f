/**
 * Side effects of a `Runtime` under Node: processes and files.
 *
 * ```ts
 * import { Runtime } from '@cnikit/cni-spec/runtime';
 * import { nodeRuntimeIo } from '@cnikit/cni-spec/runtime/node';
 *
 * const runtime = new Runtime({ io: nodeRuntimeIo(), path: ['/opt/cni/bin'], cacheDir: '/var/lib/cni' });
 * console.log(runtime.cache.list().length);
 * ```
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { CniError, ErrorCode } from '../error.ts';
import type { ExecOutcome } from '../exec.ts';
import type { RuntimeIo } from './io.ts';

/** Maximum output of a plugin, in bytes. A result has a few hundred. */
const MAX_OUTPUT = 4 << 20;

/** Returns the processes and files of this machine. */
export function nodeRuntimeIo(env: RuntimeIo['env'] = process.env): RuntimeIo {
  return {
    env,
    exec,
    isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false,
    readText: (path) => unlessMissing(() => readFileSync(path, 'utf8')),
    readdir: (path) => unlessMissing(() => readdirSync(path)),
    writeText,
    remove: (path) => rmSync(path, { force: true }),
  };
}

const exec: RuntimeIo['exec'] = ({ file, env, stdin, timeoutMs }) =>
  new Promise<ExecOutcome>((resolve, reject) => {
    // In a separate process group, so that a timeout kills the plugin's children too.
    const child = spawn(file, [], { env, stdio: 'pipe', detached: true });
    const out = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    let failure: CniError | undefined;
    let size = 0;
    const stop = (error: CniError) => {
      failure ??= error;
      if (child.pid !== undefined) {
        killGroup(child.pid);
      }
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const timer =
      timeoutMs === undefined
        ? undefined
        : setTimeout(
            () =>
              stop(
                new CniError(
                  ErrorCode.Internal,
                  `Plugin ${file} timed out after ${timeoutMs} ms and was killed`,
                ),
              ),
            timeoutMs,
          );
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_OUTPUT) {
          stop(new CniError(ErrorCode.IOFailure, `Plugin ${file} printed more than ${MAX_OUTPUT} bytes`));
        } else {
          out[name].push(chunk);
        }
      });
    }
    // The plugin may exit without reading its stdin.
    child.stdin.on('error', () => {});
    child.stdin.end(stdin);
    child.on('error', (cause) => {
      clearTimeout(timer);
      reject(new CniError(ErrorCode.IOFailure, `Cannot run plugin ${file}: ${cause.message}`, '', { cause }));
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      if (failure) {
        reject(failure);
      } else {
        resolve({
          exitCode: code ?? 255,
          stdout: Buffer.concat(out.stdout).toString(),
          stderr: Buffer.concat(out.stderr).toString(),
        });
      }
    });
  });

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has already exited.
  }
}

function writeText(path: string, text: string): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Outside the folder, which list() reads, but in its file system.
  const draft = `${folder}.${process.pid}.new`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, path);
}

function unlessMissing<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}
