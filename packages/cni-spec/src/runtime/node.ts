/**
 * What a `Runtime` needs of Node: processes and files.
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

/** A result is some hundred bytes; a plugin that prints more than this is broken. */
const MAX_OUTPUT = 4 << 20;

/** Processes and files of this machine. */
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
    // A group of its own, so that a time-out ends the plugin's children too.
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
                  `Plugin ${file} did not end within ${timeoutMs} ms and was killed`,
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
    // A plugin need not read its stdin.
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
    // It has ended by itself.
  }
}

function writeText(path: string, text: string): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // Outside the folder that is listed, inside its file system.
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
