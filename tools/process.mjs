// Child processes of the tools: runs an argv, forwards signals, returns an exit status.

import { spawn } from 'node:child_process';
import { constants } from 'node:os';

const FORWARDED = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * Returns the exit status as a shell does: the status of the process, or 128 + the number of the signal that ended it.
 *
 * @param {number | null} code
 * @param {NodeJS.Signals | null} signal
 * @returns {number}
 */
export function exitStatus(code, signal) {
  return code ?? 128 + (signal ? constants.signals[signal] : 0);
}

/**
 * Runs a command and forwards the signals that would otherwise end this process first.
 *
 * @param {readonly string[]} argv
 * @param {import('node:child_process').SpawnOptions} [options]
 * @returns {Promise<number>} the exit status: 128 + signal number after a signal, 127 when the command cannot start
 */
export function run(argv, options = {}) {
  const child = spawn(argv[0], argv.slice(1), { stdio: 'inherit', ...options });
  return untilExit(child, argv[0]);
}

/**
 * Runs a command and returns its output: standard output and standard error, in the order of arrival.
 *
 * @param {readonly string[]} argv
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ status: number, output: string }>}
 */
export async function capture(argv, { cwd, env } = {}) {
  const child = spawn(argv[0], argv.slice(1), { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const status = await untilExit(child, argv[0], 'close');
  return { status, output };
}

/**
 * @param {import('node:child_process').ChildProcess} child
 * @param {string} name
 * @param {'exit' | 'close'} [event]
 * @returns {Promise<number>}
 */
function untilExit(child, name, event = 'exit') {
  const forward = FORWARDED.map((signal) => {
    const listener = () => void child.kill(signal);
    process.on(signal, listener);
    return { signal, listener };
  });
  return new Promise((resolve) => {
    const end = (/** @type {number} */ status) => {
      for (const { signal, listener } of forward) {
        process.off(signal, listener);
      }
      resolve(status);
    };
    child.once('error', (error) => {
      console.error(`Cannot run ${name}: ${error.message}`);
      end(127);
    });
    child.once(event, (code, signal) => end(exitStatus(code, signal)));
  });
}

/** Standard directories. On Debian the PATH of an unprivileged user lacks the sbin directories with `ip`. */
export const SYSTEM_PATH = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin'];

/**
 * Returns the environment with the given directories first in PATH and the system's directories last.
 *
 * @param {readonly string[]} first
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {NodeJS.ProcessEnv}
 */
export function withPath(first, env = process.env) {
  const path = [...first, ...(env.PATH ?? '').split(':').filter(Boolean), ...SYSTEM_PATH];
  return { ...env, PATH: [...new Set(path)].join(':') };
}

/** @param {number} since from performance.now() */
export function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
