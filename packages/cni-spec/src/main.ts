/**
 * Runs a plugin under Node.
 *
 * ```ts
 * import { definePlugin } from '@cnikit/cni-spec';
 * import { runPlugin } from '@cnikit/cni-spec/main';
 *
 * runPlugin(definePlugin({ about: 'A plugin that does nothing', add: ({ prevResult }) => prevResult ?? {} }));
 * ```
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { DelegateIo } from './delegate.ts';
import { dispatch } from './dispatch.ts';
import type { Plugin } from './plugin.ts';

/**
 * Runs the plugin with the environment and stdin of this process, writes its output and sets the exit code.
 */
export function runPlugin<T>(plugin: Plugin<T>): void {
  const output = dispatch(plugin, { env: process.env, stdin: readStdin, sameNetns });
  writeAll(2, output.stderr);
  writeAll(1, output.stdout);
  process.exitCode = output.exitCode;
}

/** Side effects of `delegate()` under Node. The stderr of delegates goes to that of this plugin. */
export const nodeDelegateIo: DelegateIo = {
  exec: ({ file, env, stdin }) => {
    const { status, stdout, error } = spawnSync(file, [], {
      env,
      input: stdin,
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    if (error) {
      throw error;
    }
    return { exitCode: status ?? 255, stdout, stderr: '' };
  },
  isFile: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false,
};

/** Reads stdin, unless it is a terminal, where the plugin would wait for the user. */
function readStdin(): string {
  return isatty(0) ? '' : readFileSync(0, 'utf8');
}

function sameNetns(path: string): boolean {
  const own = statSync('/proc/self/ns/net');
  const other = statSync(path, { throwIfNoEntry: false });
  return other !== undefined && own.dev === other.dev && own.ino === other.ino;
}

/** Writes synchronously, unlike process.stdout on pipes. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let sent = 0; sent < bytes.length; ) {
    sent += writeSync(fd, bytes, sent);
  }
}
