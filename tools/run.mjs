// The entry of all `npm run` commands: installs missing system packages, npm dependencies and the pinned Node, builds,
// and runs the command. Imports nothing but Node, so that it starts before anything is installed.

import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bench, benchProblem } from './bench.mjs';
import { ensureDependencies, pinnedNode } from './dependencies.mjs';
import { kernels, kernelsProblem } from './kernels/check.mjs';
import { unknownLicences } from './licences.mjs';
import { run, withPath } from './process.mjs';
import { ensureSystemPackages } from './system-packages.mjs';
import { soak, test } from './test.mjs';
import { turboQuietly } from './turbo.mjs';
import { suitesProblem, upstreamSuites } from './upstream-suites/suites.mjs';
import { argumentProblem, isHelp, usageOf } from './usage.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCE = '--conditions=@cnikit/source';
/** Architectures of the published executables. */
const ARCHES = ['x64', 'arm64'];

/**
 * @typedef {object} Command
 * @property {readonly import('./system-packages.mjs').Need[]} needs
 * @property {readonly import('./system-packages.mjs').Need[]} [alsoInCI] needs that are installed in CI only
 * @property {boolean | ((args: readonly string[]) => boolean)} build true to build everything first
 * @property {boolean} [publishes] true to build for every architecture, as CI always does; else for this one
 * @property {(args: readonly string[]) => string | undefined} [problem] returns the problem with the arguments
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
  format: {
    needs: [],
    build: false,
    execute: (env) => run(['biome', 'check', '--write', '.'], { cwd: ROOT, env }),
  },
  ok: { needs: ['build', 'sandbox', 'reference'], build: true, execute: ok },
  demo: {
    needs: ['build', 'sandbox'],
    // Subcommands for a running cluster must not wait for a build.
    build: ([verb]) => verb === undefined || verb === '--keep',
    execute: (env, args) => run(['node', SOURCE, 'demo/src/main.ts', ...args], { cwd: ROOT, env }),
  },
  e2e: {
    needs: ['build', 'sandbox', 'cluster'],
    build: (args) => args[0] !== 'down' && !isHelp(args),
    execute: (env, args) => run(['node', SOURCE, 'e2e/src/main.ts', ...args], { cwd: ROOT, env }),
  },
  deploy: {
    needs: ['chart'],
    build: false,
    execute: (env) =>
      run(['vitest', 'run', '--root', 'deploy'], {
        cwd: ROOT,
        env: { ...env, CNIKIT_DEPLOY_TOOLS: 'required' },
      }),
  },
  image: {
    needs: ['image'],
    build: false,
    execute: (env) => run(['node', 'deploy/image/build.mjs'], { cwd: ROOT, env }),
  },
  kernels: {
    needs: ['build', 'sandbox', 'reference'],
    build: true,
    problem: kernelsProblem,
    execute: kernels,
  },
  upstream: {
    needs: ['build', 'sandbox'],
    build: true,
    problem: suitesProblem,
    execute: upstreamSuites,
  },
  packages: {
    needs: ['build', 'sandbox'],
    build: true,
    publishes: true,
    execute: (env) => run(['node', SOURCE, 'tools/package-checks/src/main.ts'], { cwd: ROOT, env }),
  },
  release: {
    needs: ['build'],
    build: true,
    publishes: true,
    execute: (env) => run(['changeset', 'publish'], { cwd: ROOT, env }),
  },
  bench: {
    needs: ['build', 'sandbox', 'reference'],
    build: (args) => !isHelp(args),
    problem: benchProblem,
    execute: (env, args) => bench(ROOT, env, args),
  },
};

process.exitCode = await main(process.argv[2] ?? '', process.argv.slice(3)).catch((error) => {
  console.error(
    process.env.CNIKIT_DEBUG ? error : `npm run: ${error instanceof Error ? error.message : error}`,
  );
  return 1;
});

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
    console.error(
      `cnikit needs Linux, not ${process.platform}: use a virtual machine or the devcontainer (see CONTRIBUTING.md)`,
    );
    return 1;
  }
  const usage = usageOf(name);
  if (usage !== undefined && isHelp(args)) {
    console.log(usage);
    return 0;
  }
  const problem = command.problem?.(args) ?? argumentProblem(name, args);
  if (problem !== undefined) {
    console.error(problem);
    return 2;
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
  if (command.needs.includes('reference')) {
    const { compileUpstreamPlugins } = await import('../upstream-plugins.ts');
    const trouble = compileUpstreamPlugins(env);
    if (trouble !== undefined) {
      console.error(`${trouble}\nTests compare with the installed version instead.`);
    }
  }
  const build = typeof command.build === 'function' ? command.build(args) : command.build;
  const built = build ? await turboQuietly(ROOT, 'build', env) : 0;
  return built === 0 ? command.execute(env, args) : built;
}

/** Returns true in the second start, after the first has installed everything. PATH is not evidence of that. */
function isPinnedNode() {
  const pinned = pinnedNode(ROOT);
  return (
    process.env.CNIKIT_PREPARED === '1' && existsSync(pinned) && process.execPath === realpathSync(pinned)
  );
}

/**
 * Checks format and lint rules, unused code, licences, and the project's own rules: imports, English, commit subjects.
 *
 * @param {NodeJS.ProcessEnv} env
 */
async function lint(env) {
  const status =
    (await run(['biome', 'check', '.'], { cwd: ROOT, env })) ||
    (await run(['knip'], { cwd: ROOT, env })) ||
    (await run(['node', 'tools/lint/src/main.ts'], { cwd: ROOT, env }));
  if (status === 0) {
    console.log('Unused files, exports and dependencies: no problems');
  }
  const licences = unknownLicences(ROOT);
  for (const line of licences) {
    console.error(`${line}: review it, then add it to tools/licences.mjs`);
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
 * Checks a contribution: format, lint, types, tests. Stops at the first failure.
 *
 * @param {NodeJS.ProcessEnv} env
 */
async function ok(env) {
  return (await lint(env)) || (await typecheck(env, [])) || (await test(ROOT, env, []));
}
