/** An empty project with every package installed, as a user would have it. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from '../../dependencies.mjs';
import { capture } from '../../process.mjs';
import type { Packed } from './packages.ts';

const CONFIG = {
  compilerOptions: {
    target: 'ES2023',
    lib: ['ES2023'],
    module: 'NodeNext',
    moduleResolution: 'NodeNext',
    types: ['node'],
    strict: true,
    // Check the declarations of the packages too.
    skipLibCheck: false,
    noEmit: true,
  },
  include: ['*.ts', '*.cts'],
};

/** Declarations of ws. Those of @kubernetes/client-node use them without a dependency. */
const WS_DECLARATIONS = `declare module 'ws' {
  class WebSocket {}
  namespace WebSocket {
    export { WebSocket };
    export type ClientOptions = object;
  }
  export = WebSocket;
}
`;

/** Creates the project with the packages, their dependencies and Node's types. */
export async function install(
  root: string,
  specifiers: readonly string[],
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(CONFIG));
  writeFileSync(join(folder, 'ws.d.cts'), WS_DECLARATIONS);
  const types = JSON.parse(readFileSync(join(root, 'node_modules/@types/node/package.json'), 'utf8'));
  const argv = [
    ...npm(env),
    'install',
    '--prefer-offline',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    ...specifiers,
    `@types/node@${types.version}`,
  ];
  const { status, output } = await capture(argv, { cwd: folder, env });
  if (status !== 0) {
    throw new Error(`npm install of ${specifiers.join(' ')} failed with status ${status}:\n${output}`);
  }
}

/** Imports every public entry at run time and type-checks all files of the project. */
export async function checkEntries(
  root: string,
  packed: readonly Packed[],
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  const specifiers = packed.flatMap(({ entries }) => entries.map(([specifier]) => specifier));
  const lines = specifiers.map((specifier, i) => `import * as entry${i} from '${specifier}';`);
  const used = specifiers.map((_, i) => `entry${i}`).join(', ');
  writeFileSync(join(folder, 'entries.ts'), `${lines.join('\n')}\nconsole.log([${used}].length);\n`);
  const problems: string[] = [];
  for (const argv of [
    [process.execPath, 'entries.ts'],
    [join(root, 'node_modules', '.bin', 'tsc'), '--pretty', 'false'],
  ]) {
    const { status, output } = await capture(argv, { cwd: folder, env });
    if (status !== 0) {
      problems.push(`${argv.join(' ')} failed with status ${status}:\n${output}`);
    }
  }
  return problems;
}

/** Runs every command with --help and --version. */
export async function checkCommands(
  packed: readonly Packed[],
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  const problems: string[] = [];
  for (const { manifest } of packed) {
    for (const command of Object.keys(manifest.bin ?? {})) {
      const expected = { '--help': command, '--version': manifest.version };
      for (const [option, text] of Object.entries(expected)) {
        const argv = [join(folder, 'node_modules', '.bin', command), option];
        const { status, output } = await capture(argv, { cwd: folder, env });
        if (status !== 0 || !output.includes(text)) {
          problems.push(`${command} ${option} exited with status ${status}:\n${output}`);
        }
      }
    }
  }
  return problems;
}
