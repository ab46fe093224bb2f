// The one entry of `npm run ...`: makes sure of system packages, npm dependencies, the pinned Node and the build,
// and then does what was asked for. Needs no dependency and any Node from 20 on.

import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureDependencies, pinnedNode } from './dependencies.mjs';
import { kernels } from './kernels/check.mjs';
import { unknownLicences } from './licences.mjs';
import { run, withPath } from './process.mjs';
import { sandbox } from './sandbox.mjs';
import { ensureSystemPackages } from './system-packages.mjs';
import { soak, test } from './test.mjs';
import { turboQuietly } from './turbo.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCE = '--conditions=@cnikit/source';
/** What is published runs on these. */
const ARCHES = ['x64', 'arm64'];

/**
 * @typedef {object} Command
 * @property {readonly import('./system-packages.mjs').Need[]} needs
 * @property {readonly import('./system-packages.mjs').Need[]} [alsoInCI] what a developer's machine should not get unasked
 * @property {boolean | ((args: readonly string[]) => boolean)} build whether everything is built first
 * @property {boolean} [publishes] whether the build is for every architecture, as it always is in CI; else for this one
 * @property {(env: NodeJS.ProcessEnv, args: readonly string[]) => Promise<number>} execute
 */

/** @type {Record<string, Command>} */
const COMMANDS = {
  build: { needs: ['build'], build: false, execute: (env, args) => turboQuietly(ROOT, 'build', env, args) },
  test: {
    needs: ['build', 'sandbox', 'reference'],
    alsoInCI: ['runtime'],
    build: true,
    execute: (env, args) => test(ROOT, env, args),
  },
  soak: {
    needs: ['build', 'sandbox', 'reference'],
    build: true,
    execute: (env, args) => soak(ROOT, env, args),
  },
  typecheck: { needs: ['build'], build: false, execute: typecheck },
  lint: { needs: [], build: false, execute: lint },
  ok: { needs: ['build', 'sandbox', 'reference'], build: true, execute: ok },
  demo: {
    needs: ['build', 'sandbox'],
    // Looking around in a cluster that is up, and taking it away, must not wait for a build.
    build: ([verb]) => verb === undefined || verb.startsWith('-'),
    execute: (env, args) => run(['node', SOURCE, 'demo/src/main.ts', ...args], { cwd: ROOT, env }),
  },
  e2e: {
    needs: ['build', 'sandbox', 'cluster'],
    build: (args) => args[0] !== 'down' && !args.some(asksForHelp),
    execute: (env, args) => run(['node', SOURCE, 'e2e/src/main.ts', ...args], { cwd: ROOT, env }),
  },
  deploy: {
    needs: ['chart'],
    build: false,
    execute: (env, args) =>
      run(['vitest', 'run', '--root', 'deploy', ...args], {
        cwd: ROOT,
        env: { ...env, CNIKIT_DEPLOY_TOOLS: 'required' },
      }),
  },
  image: {
    needs: ['image'],
    build: false,
    execute: (env, args) => run(['node', 'deploy/image/build.mjs', ...args], { cwd: ROOT, env }),
  },
  kernels: { needs: ['build', 'sandbox', 'reference'], build: true, execute: kernels },
  packages: {
    needs: ['build', 'sandbox'],
    build: true,
    publishes: true,
    execute: (env, args) =>
      run(['node', SOURCE, 'tools/package-checks/src/main.ts', ...args], { cwd: ROOT, env }),
  },
  release: {
    needs: ['build'],
    build: true,
    publishes: true,
    execute: (env) => run(['changeset', 'publish'], { cwd: ROOT, env }),
  },
  bench: {
    needs: ['build', 'sandbox', 'reference'],
    build: (args) => !args.some(asksForHelp),
    execute: bench,
  },
};

process.exitCode = await main(process.argv[2] ?? '', process.argv.slice(3));

/**
 * @param {string} name
 * @param {string[]} args
 * @returns {Promise<number>}
 */
async function main(name, args) {
  const command = COMMANDS[name];
  if (!command) {
    console.error(`Usage: node tools/run.mjs ${Object.keys(COMMANDS).join('|')} [ARGUMENT...]`);
    return 2;
  }
  if (process.platform !== 'linux') {
    console.error(`This is about Linux networking: it cannot run on ${process.platform}`);
    return 1;
  }
  const env = withPath([join(ROOT, 'node_modules', '.bin')]);
  if (!process.stdout.isTTY && !env.FORCE_COLOR) {
    env.NO_COLOR = '1';
  }

  const everyArch = command.needs.includes('build') && (command.publishes || Boolean(env.CI));
  if (everyArch) {
    env.CNIKIT_ARCHES = ARCHES.join(',');
  }

  if (!isPinnedNode()) {
    const needs = [...command.needs, ...((env.CI && command.alsoInCI) || [])];
    if (everyArch) {
      needs.push('cross');
    }
    const missing = await ensureSystemPackages(needs, env);
    if (missing !== 0) {
      return missing;
    }
    const failed = await ensureDependencies(ROOT, env);
    if (failed !== 0) {
      return failed;
    }
    return run([pinnedNode(ROOT), fileURLToPath(import.meta.url), name, ...args], {
      env: { ...env, CNIKIT_PREPARED: '1' },
    });
  }
  const build = typeof command.build === 'function' ? command.build(args) : command.build;
  const built = build ? await turboQuietly(ROOT, 'build', env) : 0;
  return built === 0 ? command.execute(env, args) : built;
}

/** True in the second start, when the first has looked after what this needs; a developer's own PATH is no proof. */
function isPinnedNode() {
  const pinned = pinnedNode(ROOT);
  return (
    process.env.CNIKIT_PREPARED === '1' && existsSync(pinned) && process.execPath === realpathSync(pinned)
  );
}

/**
 * Format and lint rules, unused code, licences, and the project's own linters: imports, English, commit subjects.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} args of tools/lint/src/main.ts
 */
async function lint(env, args = []) {
  const status =
    (await run(['biome', 'check', '.'], { cwd: ROOT, env })) ||
    (await run(['knip'], { cwd: ROOT, env })) ||
    (await run(['node', 'tools/lint/src/main.ts', ...args], { cwd: ROOT, env }));
  if (status === 0) {
    console.log('Unused files, exports and dependencies: no problems');
  }
  const licences = unknownLicences(ROOT);
  for (const line of licences) {
    console.error(`${line}: look at it, then name it in tools/licences.mjs`);
  }
  console.log(
    `Licences of what users install: ${licences.length === 0 ? 'no problems' : `${licences.length} problems`}`,
  );
  return status || Number(licences.length > 0);
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} args
 */
async function typecheck(env, args) {
  const status = await turboQuietly(ROOT, 'typecheck', env, args);
  return (await run(['tsc', '-p', 'tools/tsconfig.json'], { cwd: ROOT, env })) || status;
}

/**
 * The gate of a contribution: format, lint, types, tests. Stops at the first that fails.
 *
 * @param {NodeJS.ProcessEnv} env
 */
async function ok(env) {
  return (await lint(env)) || (await typecheck(env, [])) || (await test(ROOT, env, []));
}

/** @param {string} arg */
function asksForHelp(arg) {
  return arg === '--help' || arg === '-h';
}

/**
 * Runs bench/src/NAME.ts for each name, or every one that there is.
 *
 * @param {NodeJS.ProcessEnv} env
 * @param {readonly string[]} args names, then whatever the benchmarks take, from the first dash on
 */
async function bench(env, args) {
  const folder = join(ROOT, 'bench', 'src');
  const all = readdirSync(folder)
    .filter((file) => /^[a-z][\w-]*\.ts$/.test(file) && file !== 'index.ts')
    .map((file) => file.slice(0, -3));
  if (args.some(asksForHelp)) {
    console.log(
      `Usage: npm run bench -- [NAME...] [OPTION...]\n\nRuns all benchmarks, or those named: ${all.join(' ')}`,
    );
    return 0;
  }
  const options = args.findIndex((arg) => arg.startsWith('-'));
  const names = options === -1 ? args : args.slice(0, options);
  const rest = options === -1 ? [] : args.slice(options);
  const unknown = names.find((name) => !all.includes(name));
  if (unknown !== undefined) {
    console.error(`There is no benchmark ${unknown}, only: ${all.join(' ')}`);
    return 2;
  }
  for (const name of names.length > 0 ? names : all) {
    const { status } = await sandbox(['node', SOURCE, join(folder, `${name}.ts`), ...rest], { env });
    if (status !== 0) {
      return status;
    }
  }
  return 0;
}
