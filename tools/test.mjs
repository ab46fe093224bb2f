// Runs the tests of every package, each package in its own sandbox, and adds up the results.

import { existsSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { run } from './process.mjs';
import { turboEnv, turboWithSummary } from './turbo.mjs';

const RESULTS = 'test-results.json';
const DAY_MS = 86_400_000;

/** Packages that take the longest. They start first, beside the others: the run ends soon after the slowest of them. */
const LONGEST = ['@cnikit/agent', '@cnikit/plugin'];

/**
 * Runs all tests except the soak tests. Prints `N passed, N failed` as the last line. A package whose run fails without
 * a failed test counts as one failure, as does a test file that cannot be loaded.
 *
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} more further arguments of turbo, such as --filter=@cnikit/ipam or --force
 * @returns {Promise<number>}
 */
export function test(root, env, more) {
  return runTask('test', root, env, more);
}

/**
 * Runs the soak tests: crash matrix, storm, long simulation, fuzzers. Seeds follow from CNIKIT_SOAK_SEED, by default the
 * number of the day since 1970, so that items take turns day by day. Prints the command that repeats the run, again at the end after a failure.
 *
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} more further arguments of turbo
 * @returns {Promise<number>}
 */
export async function soak(root, env, more) {
  const seed = env.CNIKIT_SOAK_SEED ?? String(Math.floor(Date.now() / DAY_MS));
  if (!/^\d+$/.test(seed)) {
    console.error(`Invalid CNIKIT_SOAK_SEED "${seed}": expected a whole number`);
    return 2;
  }
  const repeat = `CNIKIT_SOAK_SEED=${seed} npm run test:soak${more.length > 0 ? ` -- ${more.join(' ')}` : ''}`;
  console.log(`Soak tests with seed ${seed}; to repeat: ${repeat}`);
  const status = await runTask('test:soak', root, { ...env, CNIKIT_SOAK_SEED: seed }, more);
  if (status !== 0) {
    console.log(`To repeat: ${repeat}`);
  }
  return status;
}

/**
 * @param {'test' | 'test:soak'} task
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} more
 * @returns {Promise<number>}
 */
async function runTask(task, root, env, more) {
  // Delete results of earlier runs: turbo restores those of the packages that it skips.
  for (const directory of workspaces(root)) {
    rmSync(join(root, directory, RESULTS), { force: true });
  }
  const runs = selections(more).map(({ concurrency, filters }) => [
    task,
    '--only',
    `--concurrency=${concurrency}`,
    '--continue=always',
    '--output-logs=new-only',
    ...filters,
    ...more,
  ]);
  const { status, tasks } = await turboWithSummary(root, runs, (command) =>
    run(command, { cwd: root, env: turboEnv(env) }),
  );
  const total = { passed: 0, failed: 0, skipped: 0 };
  const broken = [];
  /** @type {string[]} */
  const failures = [];
  for (const { package: name, directory, exitCode } of tasks) {
    const counts = countsOf(join(root, directory, RESULTS));
    total.passed += counts.passed;
    total.skipped += counts.skipped;
    total.failed += counts.failed;
    failures.push(...counts.failures.map((failure) => `${directory}/${failure}`));
    if (exitCode !== 0 && exitCode !== undefined && counts.failed === 0) {
      broken.push(`${name} (status ${exitCode})`);
    }
  }
  if (status !== 0 && total.failed === 0 && broken.length === 0) {
    broken.push(`turbo (status ${status})`);
  }
  for (const failure of failures) {
    console.log(`Failed: ${failure}`);
  }
  for (const what of broken) {
    console.log(`Failed without a failed test: ${what}`);
  }
  total.failed += broken.length;

  const cached = tasks.filter((task) => task.cached).length;
  if (cached > 0) {
    console.log(`${cached} of ${tasks.length} packages unchanged since they last passed (--force runs all)`);
  }
  console.log(summary(total));
  return total.failed === 0 && status === 0 ? 0 : 1;
}

/**
 * Returns what runs of turbo at the same time select. turbo has no priorities, so the longest packages have a run.
 *
 * @param {readonly string[]} more further arguments of turbo
 * @returns {{ concurrency: number, filters: string[] }[]}
 */
function selections(more) {
  // One more than processors: live tests wait for other processes much of the time.
  const concurrency = Math.min(availableParallelism() + 1, 4);
  if (more.some((one) => /^(-F|--filter|--affected)/.test(one))) {
    return [{ concurrency, filters: [] }];
  }
  return [
    { concurrency: LONGEST.length, filters: LONGEST.map((name) => `--filter=${name}`) },
    {
      concurrency: Math.max(concurrency - LONGEST.length, 1),
      filters: LONGEST.map((name) => `--filter=!${name}`),
    },
  ];
}

/** @param {{ passed: number, failed: number, skipped: number }} total */
export function summary({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/**
 * Returns the counts of one vitest run, and each failure as one line: file, full title, first line of the error.
 *
 * @param {string} file
 * @returns {{ passed: number, failed: number, skipped: number, failures: string[] }}
 */
export function countsOf(file) {
  if (!existsSync(file)) {
    return { passed: 0, failed: 0, skipped: 0, failures: [] };
  }
  const directory = dirname(file);
  const results = JSON.parse(readFileSync(file, 'utf8'));
  const unloadable = results.testResults.filter(
    (/** @type {any} */ one) => one.status === 'failed' && !one.assertionResults.some(isFailure),
  );
  return {
    passed: results.numPassedTests,
    failed: results.numFailedTests + unloadable.length,
    skipped: results.numPendingTests + results.numTodoTests,
    failures: results.testResults.flatMap((/** @type {any} */ one) => {
      const path = relative(directory, one.name);
      const failed = one.assertionResults.filter(isFailure);
      return failed.length === 0 && one.status === 'failed'
        ? [`${path}: ${firstLine(one.message)}`]
        : failed.map(
            (/** @type {any} */ test) =>
              `${path} > ${test.fullName}: ${firstLine(test.failureMessages?.[0] ?? '')}`,
          );
    }),
  };
}

/** @param {string} text */
function firstLine(text) {
  return text.trim().split('\n', 1)[0];
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
