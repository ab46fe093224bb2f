// Usage of the `npm run` commands, and what is wrong with their arguments.

/**
 * @typedef {object} Usage
 * @property {string} script as typed after npm
 * @property {string} [synopsis] arguments, if it takes any
 * @property {string} summary
 * @property {readonly string[]} [options] options, each with its description after two spaces
 */

const TURBO_OPTIONS = [
  '--filter=PACKAGE  only this package, such as @cnikit/ipam',
  '--force           also packages that have not changed since they last passed',
];

/** @type {Record<string, Usage>} */
const USAGES = {
  build: {
    script: 'run build',
    summary: 'Builds every package, with the static executables.',
    options: TURBO_OPTIONS,
  },
  test: {
    script: 'test',
    summary: 'Builds, then runs every test except the soak tests.',
    options: TURBO_OPTIONS,
  },
  soak: {
    script: 'run test:soak',
    summary:
      'Builds, then runs the soak tests. CNIKIT_SOAK_SEED=N sets the seed, by default the day since 1970.',
    options: TURBO_OPTIONS,
  },
  typecheck: {
    script: 'run typecheck',
    summary: 'Checks the types of every package.',
    options: TURBO_OPTIONS,
  },
  lint: {
    script: 'run lint',
    summary: 'Checks format, rules, unused code, licences, imports, English and commit subjects.',
  },
  format: { script: 'run format', summary: 'Formats every file and applies the safe fixes of the rules.' },
  ok: { script: 'run ok', summary: 'Checks a contribution: format, lint, types, tests.' },
  deploy: {
    script: 'run check:deploy',
    summary: 'Renders manifests and chart with kubectl and Helm, and compares them.',
  },
  image: {
    script: 'run image',
    summary: 'Builds the image of the agent to .cache/image/agent.tar. Needs root.',
  },
  kernels: {
    script: 'run check:kernels',
    synopsis: '[bookworm|bullseye|sid]...',
    summary: 'Runs the tests that need other kernels, in QEMU: those of the named Debian releases, or all.',
  },
  upstream: {
    script: 'run check:upstream',
    synopsis: '[SUITE...]',
    summary:
      "Runs the upstream plugins' own tests with the executable: those of the named plugins, or all. Skipped without Go.",
  },
  packages: {
    script: 'run check:packages',
    summary: 'Packs, installs and tries the packages, rehearses a release, and writes docs/api.',
  },
  release: { script: 'run release', summary: 'Builds for every architecture and publishes the packages.' },
};

/** @param {readonly string[]} args */
export function isHelp(args) {
  return args.includes('--help') || args.includes('-h');
}

/**
 * Returns the help of a command; undefined when the command prints its own.
 *
 * @param {string} name
 * @returns {string | undefined}
 */
export function usageOf(name) {
  const usage = USAGES[name];
  if (usage === undefined) {
    return undefined;
  }
  const { script, summary, options = [], synopsis = options.length > 0 ? '[OPTION...]' : '' } = usage;
  const width = Math.max('--help'.length, ...options.map((line) => line.split('  ')[0]?.length ?? 0));
  return [
    `Usage: npm ${script}${synopsis && ` -- ${synopsis}`}`,
    '',
    summary,
    '',
    ...options.map((line) => `  ${line}`),
    `  ${'--help'.padEnd(width)}  prints this text`,
  ].join('\n');
}

/**
 * Returns the problem with the arguments of a command that takes only its options.
 *
 * @param {string} name
 * @param {readonly string[]} args
 * @returns {string | undefined}
 */
export function argumentProblem(name, args) {
  const usage = USAGES[name];
  if (usage === undefined || usage.synopsis !== undefined) {
    return undefined;
  }
  const known = (usage.options ?? []).map((line) => line.split(/[= ]/)[0]);
  const unknown = args.find((arg) => {
    const [option = '', value] = arg.split(/=(.*)/s);
    return !known.includes(option) || (option === '--filter') !== Boolean(value);
  });
  if (unknown === undefined) {
    return undefined;
  }
  return known.length === 0
    ? `Unexpected argument "${unknown}": npm ${usage.script} takes no arguments`
    : `Unknown argument "${unknown}": npm ${usage.script} -- --help lists the options`;
}
