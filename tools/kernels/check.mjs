// `npm run check:kernels`: runs tests that need features of a full kernel, or an older kernel.

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { capture } from '../process.mjs';
import { otherKernel, STOPPED } from './other-kernel.mjs';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Tests that show that the executable and the requests of netlink work on a kernel. */
const EXECUTABLE =
  /links on a kernel|by executable.*(ADD gives the pod|ADD routes the pod|both layouts reach|another source|CHECK passes|succeeds again|GC frees|bridge with backend (nft|ipt)|nftables.*tcp of both)/;
const EXECUTABLE_FILES = [
  'packages/netlink/test/link.live.test.ts',
  'packages/plugin/test/bridge.live.test.ts',
  'packages/plugin/test/masquerade.live.test.ts',
  'packages/plugin/test/portmap.live.test.ts',
  'packages/plugin/test/routed.live.test.ts',
];

/**
 * Emulation is slow, so only tests that depend on the kernel run there, and only with the executable, not also with
 * Node.
 *
 * @type {readonly { suite: string, what: RegExp, files: readonly string[], without?: readonly string[] }[]}
 */
const RUNS = [
  {
    suite: 'bookworm',
    what: /^(?!.*by Node).* on a full kernel/,
    files: [
      'packages/netlink/test/bridge.live.test.ts',
      'packages/netlink/test/kinds.live.test.ts',
      'packages/netlink/test/link-kinds.live.test.ts',
      'packages/netlink/test/wireguard.live.test.ts',
      'packages/plugin/test/restore.live.test.ts',
      'packages/plugin/test/vlan.live.test.ts',
      'packages/agent/test/firewalls.live.test.ts',
      'packages/agent/test/policy-ipvs.live.test.ts',
    ],
  },
  // As on RHEL 10, whose kernel has no module of iptables.
  {
    suite: 'bookworm',
    without: ['nft_compat', 'ip_tables', 'ip6_tables'],
    what: /packet-filter=(nftables|auto) (masquerades|also accepts|runs no program)|createNftFilter|unsupportedReason/,
    files: ['packages/agent/test/nftables.live.test.ts', 'packages/agent/test/back-ends.live.test.ts'],
  },
  // The oldest kernel that many clusters still run. For example, it does not echo a created link.
  { suite: 'bullseye', what: EXECUTABLE, files: EXECUTABLE_FILES },
  // The newest kernel, which clusters get next. Without portmap: on Linux 7.2 its test got no answer at 127.0.0.1.
  {
    suite: 'sid',
    what: EXECUTABLE,
    files: EXECUTABLE_FILES.filter((file) => !file.includes('portmap')),
  },
];

/**
 * Returns the problem with the arguments.
 *
 * @param {readonly string[]} suites
 * @returns {string | undefined}
 */
export function kernelsProblem(suites) {
  const known = RUNS.map(({ suite }) => suite);
  const unknown = suites.find((suite) => !known.includes(suite));
  return unknown === undefined
    ? undefined
    : `Unknown Debian release "${unknown}": choose from ${known.join(', ')}`;
}

/**
 * Runs the tests on each kernel in turn.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} suites Debian releases; all when empty
 * @returns {Promise<number>} 0 when all passed, 77 when no kernel could be run, else 1
 */
export async function kernels(env, suites) {
  const statuses = [];
  for (const run of RUNS.filter(({ suite }) => suites.length === 0 || suites.includes(suite))) {
    statuses.push(await onKernel(run, env));
  }
  return statuses.find((status) => status !== 0 && status !== 77) ?? Math.min(...statuses);
}

/** Limit of one run in seconds: twice what the longest takes on a busy machine. */
const DEADLINE_S = 900;

/**
 * @param {typeof RUNS[number]} run
 * @param {NodeJS.ProcessEnv} env
 */
async function onKernel({ suite, what, files, without }, env) {
  const results = join(ROOT, '.cache', 'kernels', 'results.json');
  mkdirSync(dirname(results), { recursive: true });
  rmSync(results, { force: true });
  const vitest = [
    ...['vitest', 'run', '--config', 'tools/kernels/vitest.config.ts', '-t', what.source],
    ...[`--outputFile.json=${results}`, ...files],
  ];
  // Outside the sandbox all tests are skipped, but vitest caches the transformed sources.
  const { status: loaded, output } = await capture(vitest, {
    cwd: ROOT,
    env: { ...env, CNIKIT_SANDBOX: '' },
  });
  if (loaded !== 0) {
    console.error(output);
  }
  const options = { suite, cwd: ROOT, env, without, deadline: DEADLINE_S };
  const run = () => otherKernel(['node', 'tools/sandbox.mjs', ...vitest], options);
  let status = await run();
  if (status === STOPPED) {
    // Without KVM, QEMU emulates a kernel that patches its own code, which can crash the newest ones.
    console.error(`Repeating the tests on the kernel of ${suite}, once`);
    status = await run();
  }
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
  // Fail when a pattern no longer matches any test of a file.
  const unmatched = files.filter((file) => !passed.has(file));
  for (const file of unmatched) {
    console.error(`${file}: no test ran on the kernel of ${suite}`);
  }
  return Number(unmatched.length > 0);
}
