/** Checks what docs/runtimes.md states: require(), the `module` settings of TypeScript, Bun and Deno. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { capture } from '../../process.mjs';
import type { Packed } from './packages.ts';

/** `--module`, `--moduleResolution` and the files to check. TypeScript refuses require() of ES modules with Node16. */
const SETTINGS = [
  ['Node16', 'Node16', 'entries.ts'],
  ['Node20', 'Node16', 'entries.ts', 'entries.cts'],
  ['NodeNext', 'NodeNext', 'entries.ts', 'entries.cts'],
  ['ESNext', 'Bundler', 'entries.ts'],
] as const;

/** Imports all entries in each way. Returns the problems. */
export async function checkRuntimes(
  root: string,
  packed: readonly Packed[],
  project: string,
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  const folder = join(project, 'runtimes');
  mkdirSync(folder);
  const specifiers = packed.flatMap(({ entries }) => entries.map(([specifier]) => specifier));
  const imports = specifiers.map((specifier, i) => `import * as entry${i} from '${specifier}';`).join('\n');
  const used = `${imports}\nconsole.log([${specifiers.map((_, i) => `entry${i}`)}].length);\n`;
  for (const file of ['entries.ts', 'entries.cts', 'entries.mjs']) {
    writeFileSync(join(folder, file), used);
  }
  const requires = specifiers.map((specifier) => `require('${specifier}');`).join('\n');
  writeFileSync(join(folder, 'entries.cjs'), `${requires}\n`);

  const problems: string[] = [];
  for (const argv of [
    [process.execPath, 'entries.cjs'],
    ...SETTINGS.map(([module, moduleResolution, ...files]) =>
      typeCheck(root, module, moduleResolution, files),
    ),
  ]) {
    const { status, output } = await capture(argv, { cwd: folder, env });
    if (status !== 0) {
      problems.push(`${argv.join(' ')} failed with status ${status}:\n${output}`);
    }
  }
  for (const argv of [
    ['bun', 'entries.mjs'],
    ['deno', 'run', '--allow-all', 'entries.mjs'],
  ]) {
    const { status, output } = await capture(argv, { cwd: folder, env });
    if (status === 127) {
      console.log(`  not tested: ${argv.join(' ')}: install ${argv[0]} to test it`);
    } else if (status !== 0) {
      problems.push(`${argv.join(' ')} failed with status ${status}:\n${output}`);
    }
  }
  return problems;
}

function typeCheck(root: string, module: string, resolution: string, files: readonly string[]): string[] {
  const options = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'ES2023', '--lib', 'ES2023'];
  const types = ['--types', 'node', '--pretty', 'false', '--ignoreConfig'];
  const modules = ['--module', module, '--moduleResolution', resolution];
  return [join(root, 'node_modules', '.bin', 'tsc'), ...options, ...types, ...modules, ...files];
}
