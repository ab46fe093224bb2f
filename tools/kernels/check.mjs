// The tests that ask more of a kernel than this machine's may have, or another one: `npm run check:kernels`.

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { capture } from '../process.mjs';
import { otherKernel } from './other-kernel.mjs';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * Computing is slow there, so of what is tested here anyway only what depends on the kernel is run: by the executable,
 * not by Node too.
 *
 * @type {readonly { suite: string, what: RegExp, files: readonly string[] }[]}
 */
const RUNS = [
  {
    suite: 'bookworm',
    what: /^(?!.*by Node).* on a full kernel/,
    files: [
      'packages/netlink/test/kinds.live.test.ts',
      'packages/plugin/test/vlan.live.test.ts',
      'packages/agent/test/firewalls.live.test.ts',
    ],
  },
  {
    // The oldest that clusters still run in number: it does not tell back the link that it made, for one.
    suite: 'bullseye',
    what: /links on a kernel|by executable.*(ADD gives the pod|CHECK passes|succeeds again|GC frees|bridge with backend (nft|ipt)|nftables.*tcp of both)/,
    files: [
      'packages/netlink/test/link.live.test.ts',
      'packages/plugin/test/bridge.live.test.ts',
      'packages/plugin/test/masquerade.live.test.ts',
      'packages/plugin/test/portmap.live.test.ts',
    ],
  },
];

/**
 * Runs them, each kernel in turn.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} suites of Debian; all that are tested if there are none
 * @returns {Promise<number>} 0 when all passed, 77 when none could be run, else 1
 */
export async function kernels(env, suites) {
  const statuses = [];
  for (const run of RUNS.filter(({ suite }) => suites.length === 0 || suites.includes(suite))) {
    statuses.push(await onKernel(run, env));
  }
  if (statuses.length === 0) {
    console.error(`Kernels are tested of ${RUNS.map(({ suite }) => suite).join(', ')}`);
    return 2;
  }
  return statuses.find((status) => status !== 0 && status !== 77) ?? Math.min(...statuses);
}

/**
 * @param {typeof RUNS[number]} run
 * @param {NodeJS.ProcessEnv} env
 */
async function onKernel({ suite, what, files }, env) {
  const results = join(ROOT, '.cache', 'kernels', 'results.json');
  mkdirSync(dirname(results), { recursive: true });
  rmSync(results, { force: true });
  const vitest = [
    ...['vitest', 'run', '--config', 'tools/kernels/vitest.config.ts', '-t', what.source],
    ...[`--outputFile.json=${results}`, ...files],
  ];
  // Outside of the sandbox all are skipped, which leaves their sources transformed.
  const { status: loaded, output } = await capture(vitest, {
    cwd: ROOT,
    env: { ...env, CNIKIT_SANDBOX: '' },
  });
  if (loaded !== 0) {
    console.error(output);
  }
  const status = await otherKernel(['node', 'tools/sandbox.mjs', ...vitest], { suite, cwd: ROOT, env });
  if (status !== 0) {
    return status;
  }
  const { testResults } = JSON.parse(readFileSync(results, 'utf8'));
  const passed = new Set(
    testResults.flatMap((/** @type {any} */ { name, assertionResults }) =>
      assertionResults.some((/** @type {any} */ one) => one.status === 'passed')
        ? [relative(ROOT, name)]
        : [],
    ),
  );
  // A pattern that fits nothing any more would pass.
  const idle = files.filter((file) => !passed.has(file));
  for (const file of idle) {
    console.error(`${file}: no test ran on the kernel of ${suite}`);
  }
  return Number(idle.length > 0);
}
