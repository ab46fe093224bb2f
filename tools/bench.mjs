// Runs benchmarks: bench/src/NAME.ts in a sandbox.

import { join } from 'node:path';
import { run } from './process.mjs';
import { sandbox } from './sandbox.mjs';
import { isHelp } from './usage.mjs';

/**
 * @typedef {object} Benchmark
 * @property {string} summary
 * @property {readonly string[]} [options] in the form --name=DEFAULT, or --name
 * @property {readonly string[]} [environment] variables in the form NAME=DEFAULT
 * @property {true} [explicit] runs only when it is named, and outside of the sandbox
 */

/** @type {Record<string, Benchmark>} */
const BENCHMARKS = {
  plugin: {
    summary: 'the static plugin and the reference plugins: time and memory of each verb',
    options: ['--against=FILE (the executable of another build)', '--json=FILE (figures for `chart`)'],
    environment: ['CNIKIT_BENCH_ROUNDS=200', 'CNIKIT_BENCH_ONLY=TEXT (rows whose title contains it)'],
  },
  'plugin-phases': {
    summary: 'phases of one ADD and one DEL, from the log of the plugin',
    environment: ['CNIKIT_BENCH_ROUNDS=200'],
  },
  'plugin-counts': {
    summary: 'system calls and instructions of the plugin (needs strace and valgrind)',
    options: [
      '--functions=ROW (where they are in the script)',
      '--least=10000 (instructions of a function)',
      '--c-functions (the content of hot-functions.txt)',
    ],
  },
  layout: {
    summary: 'pods on a bridge and pods with routes: ADD and DEL, with few and many pods on the node',
    options: ['--rounds=20', '--pods=200,300'],
  },
  ipam: {
    summary: '@cnikit/ipam on files and host-local: ADD and DEL in pools of several fillings',
    environment: ['CNIKIT_BENCH_ROUNDS=15'],
  },
  iptables: { summary: '1,000 rules by one ensure() of @cnikit/iptables and by single iptables calls' },
  netlink: {
    summary: '5,000 routes by @cnikit/netlink, by ip -batch and by the npm package netlink',
    environment: ['CNIKIT_BENCH_ROUNDS=9'],
  },
  agent: {
    summary: 'the agent in a large cluster: sync, memory, processor time',
    options: ['--nodes=5000', '--rounds=5', '--against=FILE (the cnikit-agent.js of another build)'],
  },
  heartbeats: {
    summary: "the agent's processor time for heartbeats, which a server has encoded before",
    options: ['--nodes=5000', '--rounds=2', '--against=FILE (the cnikit-agent.js of another build)'],
  },
  policy: {
    summary:
      'NetworkPolicies from objects to the kernel and nft -f; events, a large cluster, packets, pod starts',
    options: ['--rounds=5', '--pods=5000', '--policies=1000'],
  },
  'policy-peers': {
    summary:
      'from an event to its enforcement, by cnikit and by the firewall of kube-router (only when named; needs Go)',
    options: ['--rounds=10', '--pods=24,200'],
    explicit: true,
  },
  'policy-queue': {
    summary: 'a new connection, with cnikit and with kube-network-policies (only when named; needs Go)',
    options: ['--rounds=3', '--suite=bookworm (on the kernel of that Debian release, in QEMU)'],
    explicit: true,
  },
  watch: {
    summary: 'memory and time to hold all nodes, by @cnikit/watch and by other clients',
    options: ['--nodes=5000'],
  },
  chart: {
    summary: 'draws docs/figures/*.svg again from the figures beside them (only when named)',
    explicit: true,
  },
  cluster: {
    summary: 'pods of a real Kubernetes on cnikit and on the upstream plugins (only when named; needs root)',
    options: ['--rounds=3', '--pods=40,100', '--idle=60 (seconds)'],
    explicit: true,
  },
};

const HELP = `Usage: npm run bench -- [NAME...] [OPTION...]

Runs the named benchmarks, or all that need no cluster, each in a sandbox of namespaces. Compare the rows of one run
only: times depend on the machine and on its load.

${Object.entries(BENCHMARKS)
  .map(([name, { summary, options = [], environment = [] }]) =>
    [
      `  ${name.padEnd(14)} ${summary}`,
      ...[...options, ...environment].map((line) => `${' '.repeat(19)}${line}`),
    ].join('\n'),
  )
  .join('\n')}

  --help         prints this text`;

/**
 * Returns what is wrong with the arguments.
 *
 * @param {readonly string[]} args
 * @returns {string | undefined}
 */
export function benchProblem(args) {
  const names = args.filter((arg) => !arg.startsWith('-'));
  const unknown = names.find((name) => !Object.hasOwn(BENCHMARKS, name));
  if (unknown !== undefined) {
    return `Unknown benchmark "${unknown}": choose from ${Object.keys(BENCHMARKS).join(', ')}`;
  }
  const known = selected(names).flatMap((name) => BENCHMARKS[name].options ?? []);
  const option = args.find((arg) => arg.startsWith('-') && !known.some((one) => nameOf(one) === nameOf(arg)));
  if (option === undefined || isHelp(args)) {
    return undefined;
  }
  return `Unknown option "${option}" of ${names.join(', ') || 'all benchmarks'}; npm run bench -- --help lists the options`;
}

/**
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} args names of benchmarks and their options
 * @returns {Promise<number>}
 */
export async function bench(root, env, args) {
  if (isHelp(args)) {
    console.log(HELP);
    return 0;
  }
  for (const name of selected(args.filter((arg) => !arg.startsWith('-')))) {
    const own = (BENCHMARKS[name].options ?? []).map(nameOf);
    const options = args.filter((arg) => arg.startsWith('-') && own.includes(nameOf(arg)));
    const file = join(root, 'bench', 'src', `${name}.ts`);
    const argv = ['node', '--conditions=@cnikit/source', file, ...options];
    const status = BENCHMARKS[name].explicit
      ? await run(argv, { env })
      : (await sandbox(argv, { env })).status;
    if (status !== 0) {
      return status;
    }
  }
  return 0;
}

/** @param {readonly string[]} names */
function selected(names) {
  return names.length > 0 ? names : Object.keys(BENCHMARKS).filter((name) => !BENCHMARKS[name].explicit);
}

/** @param {string} option */
function nameOf(option) {
  return option.split(/[= ]/)[0] ?? '';
}
