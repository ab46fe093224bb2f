/**
 * Checks the packages before they are published: `npm run check:packages` at the root.
 *
 * It packs the packages, checks the tarballs with publint and arethetypeswrong, installs them in an empty project
 * outside the repository, and uses them there: types, entries, commands, the examples of the READMEs. It writes the API
 * documentation to docs/api. A failure does not stop the other checks.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seconds } from '../../process.mjs';
import { checkAddons, checkSourceBuild } from './addon.ts';
import { document } from './documentation.ts';
import { emulated } from './emulated.ts';
import { checkManifest } from './manifest.ts';
import { type Packed, pack, publishable } from './packages.ts';
import { checkCommands, checkEntries, install } from './project.ts';
import { runExample, writeExamples } from './readme.ts';
import { rehearse } from './release.ts';
import { checkRuntimes } from './runtimes.ts';
import { copyTasks, runVitest } from './tasks.ts';

const SANDBOX = fileURLToPath(new URL('../../sandbox.mjs', import.meta.url));
const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

let failed = 0;

const scratch = mkdtempSync(join(tmpdir(), 'cnikit-packages-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => process.exit(1));
}

await main(process.env);
process.exitCode = failed === 0 ? 0 : 1;

async function main(env: NodeJS.ProcessEnv): Promise<void> {
  const packages = publishable(ROOT);
  let start = performance.now();
  const packed = await pack(ROOT, packages, scratch, env);
  console.log(`packed ${packed.length} packages, ${seconds(start)}`);
  for (const line of table(packed)) {
    console.log(`  ${line}`);
  }

  await check('publint and arethetypeswrong', () => forEach(packed, checkManifest));

  const project = join(scratch, 'project');
  start = performance.now();
  await install(
    ROOT,
    packed.map(({ tarball }) => tarball),
    project,
    env,
  );
  console.log(`installed in an empty project, ${seconds(start)}`);
  const examples = writeExamples(packages, project);
  const tasks = copyTasks(ROOT, project);
  await check('entries and examples: types, imports', () => checkEntries(ROOT, packed, project, env));
  await check('require(), TypeScript module settings, Bun, Deno', () =>
    checkRuntimes(ROOT, packed, project, env),
  );
  await check('commands', () => checkCommands(packed, project, env));
  await check(`${examples.length} examples of the READMEs, ${tasks.length} tasks`, () =>
    forEach([...examples, ...tasks], async (example) => {
      const problem = await runExample(example, project, env);
      return problem === undefined ? [] : [problem];
    }),
  );
  await check('allocation of addresses in vitest', () => runVitest(ROOT, project, env));
  const sys = join(project, 'node_modules', '@cnikit', 'sys');
  await check('addon: symbols that it needs, start on musl', () => checkAddons(sys, scratch, env));
  await check('netlink on arm64', () => emulated(ROOT, project, scratch, env));
  await check('addon built from the source in the tarball', () => checkSourceBuild(sys, SANDBOX, env));
  await check('a release to a local registry: versions, changelogs, publish, install', () =>
    rehearse(ROOT, packed, scratch, env),
  );
  const tsconfig = join(ROOT, 'tools', 'package-checks', 'tsconfig.documentation.json');
  await check('API documentation in docs/api', () =>
    document(ROOT, packages, join(ROOT, 'docs', 'api'), tsconfig),
  );
}

async function check(name: string, body: () => Promise<string[]>): Promise<void> {
  const start = performance.now();
  const problems = await body();
  console.log(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${name}, ${seconds(start)}`);
  for (const problem of problems) {
    console.log(problem.trimEnd().replaceAll(/^/gm, '  '));
  }
  failed += problems.length;
}

/** Returns the problems of all items in their order. Runs one item per processor at a time. */
async function forEach<T>(items: readonly T[], body: (item: T) => Promise<string[]>): Promise<string[]> {
  const results: string[][] = [];
  const queue = items.entries();
  const worker = async () => {
    for (const [i, item] of queue) {
      results[i] = await body(item);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return results.flat();
}

function table(packed: readonly Packed[]): string[] {
  const kilobytes = (bytes: number) => `${(bytes / 1000).toFixed(0)} kB`.padStart(8);
  return packed.map(
    ({ name, bytes, unpackedBytes, files }) =>
      `${name.padEnd(20)}${kilobytes(bytes)} packed ${kilobytes(unpackedBytes)} unpacked ${String(files.length).padStart(5)} files`,
  );
}
