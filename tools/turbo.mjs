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
 * Runs turbo through `execute`, once for each list of arguments, all at the same time. Returns the results of the
 * packages, and the status of the first run that fails.
 *
 * @param {string} root
 * @param {readonly (readonly string[])[]} runs
 * @param {(argv: readonly string[]) => Promise<number>} execute
 * @returns {Promise<{ status: number, tasks: TaskEnd[] }>}
 */
export async function turboWithSummary(root, runs, execute) {
  const folder = join(root, '.turbo', 'runs');
  rmSync(folder, { recursive: true, force: true });
  const statuses = await Promise.all(runs.map((argv) => execute(['turbo', 'run', ...argv, '--summarize'])));
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.json')) : [];
  return {
    status: statuses.find((status) => status !== 0) ?? 0,
    tasks: files.flatMap((file) => tasksOf(join(folder, file))),
  };
}

/**
 * @param {string} file summary of a run
 * @returns {TaskEnd[]}
 */
function tasksOf(file) {
  const { tasks } = JSON.parse(readFileSync(file, 'utf8'));
  return tasks.map((/** @type {any} */ task) => ({
    taskId: task.taskId,
    task: task.task,
    package: task.package,
    directory: task.directory,
    exitCode: task.execution?.exitCode,
    cached: task.cache?.status === 'HIT',
  }));
}
