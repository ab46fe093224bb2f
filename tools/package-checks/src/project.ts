/** An empty project with every package in it, as a user would have it. */
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
    // Of our own declarations too: that is what this is about.
    skipLibCheck: false,
    noEmit: true,
  },
  include: ['*.ts', '*.cts'],
};

/** The declarations of @kubernetes/client-node need those of ws, and do not depend on them. */
const ELSEWHERE = `declare module 'ws' {
  class WebSocket {}
  namespace WebSocket {
    export { WebSocket };
    export type ClientOptions = object;
  }
  export = WebSocket;
}
`;

/** Makes the project. The only thing from elsewhere is what the packages depend on, and Node's types. */
export async function install(
  root: string,
  specifiers: readonly string[],
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(CONFIG));
  writeFileSync(join(folder, 'ws.d.cts'), ELSEWHERE);
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

/** Imports every public entry, runs that, and has the compiler look at it and at whatever else lies in the project. */
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

/** Asks every command for its help. */
export async function checkCommands(
  packed: readonly Packed[],
  folder: string,
  env: NodeJS.ProcessEnv,
): Promise<string[]> {
  const problems: string[] = [];
  for (const command of packed.flatMap(({ manifest }) => Object.keys(manifest.bin ?? {}))) {
    const argv = [join(folder, 'node_modules', '.bin', command), '--help'];
    const { status, output } = await capture(argv, { cwd: folder, env });
    if (status !== 0 || !output.includes(command)) {
      problems.push(`${command} --help ended with status ${status}:\n${output}`);
    }
  }
  return problems;
}
