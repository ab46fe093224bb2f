// Runs every package's tests, each package in a sandbox of its own, and adds them up.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './process.mjs';
import { turboEnv, turboWithSummary } from './turbo.mjs';

const RESULTS = 'test-results.json';

/**
 * Prints `N passed, N failed` as the last line. A package whose run broke without a failed test counts as one
 * failure, and so does a test file that cannot be loaded.
 *
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} more further arguments of turbo, such as --filter=@cnikit/ipam or --force
 * @returns {Promise<number>}
 */
export async function test(root, env, more) {
  // Results of another day must not be counted: turbo restores those of the runs it skips.
  for (const directory of workspaces(root)) {
    rmSync(join(root, directory, RESULTS), { force: true });
  }
  const argv = ['test', '--only', '--concurrency=1', '--continue=always', '--output-logs=new-only', ...more];
  const { status, tasks } = await turboWithSummary(root, argv, (command) =>
    run(command, { cwd: root, env: turboEnv(env) }),
  );
  const total = { passed: 0, failed: 0, skipped: 0 };
  const broken = [];
  for (const { package: name, directory, exitCode } of tasks) {
    const counts = countsOf(join(root, directory, RESULTS));
    total.passed += counts.passed;
    total.skipped += counts.skipped;
    total.failed += counts.failed;
    if (exitCode !== 0 && exitCode !== undefined && counts.failed === 0) {
      broken.push(`${name} (status ${exitCode})`);
    }
  }
  if (status !== 0 && total.failed === 0 && broken.length === 0) {
    broken.push(`turbo (status ${status})`);
  }
  for (const what of broken) {
    console.log(`Broke without a failed test: ${what}`);
  }
  total.failed += broken.length;

  const cached = tasks.filter((task) => task.cached).length;
  if (cached > 0) {
    console.log(`${cached} of ${tasks.length} packages unchanged since they last passed (--force runs all)`);
  }
  console.log(summary(total));
  return total.failed === 0 && status === 0 ? 0 : 1;
}

/** @param {{ passed: number, failed: number, skipped: number }} total */
export function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/**
 * What one vitest run counted.
 *
 * @param {string} file
 * @returns {{ passed: number, failed: number, skipped: number }}
 */
export function countsOf(file) {
  if (!existsSync(file)) {
    return { passed: 0, failed: 0, skipped: 0 };
  }
  const results = JSON.parse(readFileSync(file, 'utf8'));
  const unloadable = results.testResults.filter(
    (/** @type {any} */ one) => one.status === 'failed' && !one.assertionResults.some(isFailure),
  );
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + unloadable.length,
    skipped: results.numPendingTests + results.numTodoTests,
  };
}

/** @param {{ status: string }} assertion */
function isFailure(assertion) {
  return assertion.status === 'failed';
}

/** @param {string} root */
function workspaces(root) {
  /** @type {{ packages: Record<string, { link?: boolean, resolved?: string }> }} */
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.values(lock.packages).flatMap((entry) =>
    entry.link && entry.resolved ? [entry.resolved] : [],
  );
}
