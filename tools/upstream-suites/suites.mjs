// `npm run check:upstream`: runs the tests of the upstream plugins (containernetworking/plugins) with our executable. Each
// test calls the plugin's functions, so they are compiled from a temporary copy of the Go module where `shim.go.txt` takes
// the place of the commands.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../process.mjs';
import { DIFFERENCES } from './differences.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(dirname(HERE));
const MODULE = 'github.com/containernetworking/plugins@v1.10.0';
/** Folders of the plugins in the module. */
const SUITES = ['ipam/host-local', 'main/bridge', 'main/ptp', 'meta/tuning', 'meta/portmap'];
/** Exit status of a run that could not be tried. */
const SKIPPED = 77;

/**
 * Returns the problem with the arguments.
 *
 * @param {readonly string[]} names
 * @returns {string | undefined}
 */
export function suitesProblem(names) {
  const known = SUITES.map(nameOf);
  const unknown = names.find((name) => !known.includes(name));
  return unknown === undefined ? undefined : `Unknown suite "${unknown}": choose from ${known.join(', ')}`;
}

/**
 * Runs the suites and prints what differs from the table of known differences.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} names suites; all when empty
 * @returns {Promise<number>} 0 when only known differences were found, 77 without Go or the module, else 1
 */
export async function upstreamSuites(env, names) {
  const source = moduleDir(env);
  if (source === undefined) {
    process.stdout.write(`Skipped: Go, or its module ${MODULE}, is not available on this machine\n`);
    return SKIPPED;
  }
  const dir = mkdtempSync(join(tmpdir(), 'upstream-suites-'));
  try {
    const copy = join(dir, 'module');
    cpSync(source, copy, { recursive: true });
    spawnSync('chmod', ['-R', 'u+w', copy]);
    // Upstream's plugins execute it.
    const programs = join(dir, 'bin');
    await run(['go', 'build', '-o', join(programs, 'host-local'), './plugins/ipam/host-local'], {
      cwd: copy,
      env,
    });
    const withPrograms = { ...env, PATH: `${programs}:${env.PATH}` };
    let status = 0;
    for (const suite of SUITES.filter((one) => names.length === 0 || names.includes(nameOf(one)))) {
      status = Math.max(status, await runSuite(withPrograms, dir, copy, suite));
    }
    return status;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** @param {string} suite */
const nameOf = (suite) => suite.split('/')[1];

/**
 * Returns the folder of the module, which Go downloads if necessary.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined}
 */
function moduleDir(env) {
  const { status, stdout } = spawnSync('go', ['mod', 'download', '-json', MODULE], { env, encoding: 'utf8' });
  return status === 0 ? JSON.parse(stdout).Dir : undefined;
}

/**
 * Compiles and runs one suite.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {string} dir
 * @param {string} copy
 * @param {string} suite
 * @returns {Promise<number>}
 */
async function runSuite(env, dir, copy, suite) {
  const name = nameOf(suite);
  const folder = join(copy, 'plugins', suite);
  useCommonLinks(folder);
  const theirs = await specsOf(env, join(dir, `${name}-upstream`), folder, name);
  useShim(folder);
  const ours = await specsOf(env, join(dir, `${name}-ours`), folder, name);
  if (theirs === undefined || ours === undefined) {
    process.stdout.write(`${name}: the tests do not compile or end\n`);
    return 1;
  }
  return compare(name, ours, new Set(theirs.filter(isFailed).map(titleOf)));
}

/**
 * Compiles and runs the tests of a folder.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {string} base path of the files to write, without extension
 * @param {string} folder
 * @param {string} plugin
 * @returns {Promise<readonly Spec[] | undefined>}
 *
 * @typedef {object} Spec
 * @property {string} LeafNodeType
 * @property {readonly string[] | null} ContainerHierarchyTexts
 * @property {string} LeafNodeText
 * @property {string} State
 * @property {{ Message: string } | undefined} [Failure]
 */
async function specsOf(env, base, folder, plugin) {
  const [binary, report] = [`${base}.test`, `${base}.json`];
  if ((await run(['go', 'test', '-c', '-o', binary, '.'], { cwd: folder, env })) !== 0) {
    return undefined;
  }
  const executable = join(ROOT, 'packages/plugin/build/cnikit');
  await run(['node', join(ROOT, 'tools/sandbox.mjs'), binary, `-ginkgo.json-report=${report}`], {
    cwd: folder,
    env: { ...env, CNIKIT_SUITE_EXECUTABLE: executable, CNIKIT_SUITE_PLUGIN: plugin },
    stdio: 'ignore',
  });
  if (!existsSync(report)) {
    return undefined;
  }
  /** @type {readonly { SpecReports?: readonly Spec[] }[]} */
  const suites = JSON.parse(readFileSync(report, 'utf8'));
  return suites.flatMap(({ SpecReports = [] }) => SpecReports).filter((one) => one.LeafNodeType === 'It');
}

/**
 * Replaces links of type dummy in tests, which not every kernel has.
 *
 * @param {string} folder
 */
function useCommonLinks(folder) {
  for (const file of readdirSync(folder).filter((one) => one.endsWith('_test.go'))) {
    edit(join(folder, file), (text) =>
      text.replaceAll('&netlink.Dummy{', '&netlink.Veth{PeerName: "suite-peer",'),
    );
  }
}

/**
 * Replaces the commands by those of the shim.
 *
 * @param {string} folder
 */
function useShim(folder) {
  for (const file of readdirSync(folder).filter((one) => /(?<!_test)\.go$/.test(one))) {
    edit(join(folder, file), (text) =>
      text.replace(/^func (cmd(?:Add|Del|Check|GC|Status))\(/gm, 'func linked_$1('),
    );
  }
  writeFileSync(join(folder, 'zz_shim.go'), readFileSync(join(HERE, 'shim.go.txt'), 'utf8'));
}

/**
 * @param {string} path
 * @param {(text: string) => string} change
 */
function edit(path, change) {
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}

/**
 * Prints the number of passed tests, the known differences and all others.
 *
 * @param {string} name
 * @param {readonly Spec[]} specs
 * @param {ReadonlySet<string>} impossible tests that fail with upstream's own code on this machine
 * @returns {number} 1 when a test failed that the table does not name
 */
function compare(name, specs, impossible) {
  const possible = specs.filter((spec) => !impossible.has(titleOf(spec)));
  const failed = possible.filter(isFailed);
  const known = DIFFERENCES.filter(({ suite }) => suite === name);
  const unknown = failed.filter((spec) => !known.some(({ test }) => test.test(titleOf(spec))));
  process.stdout.write(
    `${name}: ${possible.length - failed.length} of ${possible.length} tests passed; ${impossible.size} others fail here with upstream's own code\n`,
  );
  for (const { test, reason } of known) {
    const matching = failed.filter((spec) => test.test(titleOf(spec))).length;
    process.stdout.write(`  ${matching} known: ${test.source}: ${reason}\n`);
  }
  for (const spec of unknown) {
    const message = spec.Failure?.Message.replace(/\s+/g, ' ').slice(0, 400);
    process.stdout.write(`  FAILED ${titleOf(spec)}: ${message}\n`);
  }
  return unknown.length > 0 || possible.length === 0 ? 1 : 0;
}

/** @param {Spec} spec */
const isFailed = ({ State }) => !['passed', 'skipped', 'pending'].includes(State);

/** @param {Spec} spec */
const titleOf = ({ ContainerHierarchyTexts, LeafNodeText }) =>
  [...(ContainerHierarchyTexts ?? []), LeafNodeText].join(' ');
