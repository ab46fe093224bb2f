// Runs turbo. Prints one line on success and the whole output on failure.

import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { capture, seconds } from './process.mjs';

/** @typedef {{ taskId: string, task: string, package: string, directory: string, exitCode: number | undefined, cached: boolean }} TaskEnd */

/**
 * Returns the environment for turbo, with telemetry and update checks disabled.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {NodeJS.ProcessEnv}
 */
export function turboEnv(env) {
  return { ...env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', TURBO_NO_UPDATE_NOTIFIER: '1' };
}

/**
 * Runs a task in every package. Prints one line on success, the output of the failed tasks on failure.
 *
 * @param {string} root
 * @param {string} task
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} [more] further arguments of turbo
 * @returns {Promise<number>}
 */
export async function turboQuietly(root, task, env, more = []) {
  const start = performance.now();
  const argv = [
    'turbo',
    'run',
    task,
    '--output-logs=errors-only',
    '--continue=dependencies-successful',
    ...more,
  ];
  const { status, output } = await capture(argv, { cwd: root, env: turboEnv(env) });
  if (status !== 0) {
    console.error(output);
    console.error(`${task}: failed after ${seconds(start)}`);
    return status;
  }
  const count = (/** @type {RegExp} */ pattern) => output.match(pattern)?.[1] ?? '?';
  const total = count(/Tasks:\s+(\d+) successful/);
  const cached = count(/Cached:\s+(\d+) cached/);
  console.log(`${task}: ${total} tasks, ${cached} of them from the cache, ${seconds(start)}`);
  return 0;
}

/**
 * Runs a turbo task through `execute` and returns the results of its packages.
 *
 * @param {string} root
 * @param {readonly string[]} argv
 * @param {(argv: readonly string[]) => Promise<number>} execute
 * @returns {Promise<{ status: number, tasks: TaskEnd[] }>}
 */
export async function turboWithSummary(root, argv, execute) {
  const runs = join(root, '.turbo', 'runs');
  rmSync(runs, { recursive: true, force: true });
  const status = await execute(['turbo', 'run', ...argv, '--summarize']);
  return { status, tasks: lastRun(runs) };
}

/**
 * @param {string} runs
 * @returns {TaskEnd[]}
 */
function lastRun(runs) {
  const file = existsSync(runs) ? readdirSync(runs).find((name) => name.endsWith('.json')) : undefined;
  if (!file) {
    return [];
  }
  const { tasks } = JSON.parse(readFileSync(join(runs, file), 'utf8'));
  return tasks.map((/** @type {any} */ task) => ({
    taskId: task.taskId,
    task: task.task,
    package: task.package,
    directory: task.directory,
    exitCode: task.execution?.exitCode,
    cached: task.cache?.status === 'HIT',
  }));
}
