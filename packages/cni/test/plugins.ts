import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const SOURCE = '--conditions=@cnikit/source';

/**
 * Bundles a TypeScript program into one script, with the addon of @cnikit/sys beside it. A bundle starts in a third of
 * the time. Returns the path of the script.
 *
 * @param define expressions to replace
 */
export async function bundleProgram(program: URL, define: Record<string, string> = {}): Promise<string> {
  const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
  // A folder each: a copy over an addon would change it under programs that run.
  const name = basename(program.pathname, '.ts');
  const folder = path(`../build/test/${name}`);
  const outfile = join(folder, `${name}.mjs`);
  await build({
    entryPoints: [fileURLToPath(program)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    conditions: ['@cnikit/source'],
    define,
    logLevel: 'error',
  });
  const sys = dirname(createRequire(import.meta.url).resolve('@cnikit/sys/package.json'));
  const addon = 'cnikit_sys.node';
  cpSync(join(sys, 'prebuilds', `linux-${process.arch}`, addon), join(folder, addon));
  return outfile;
}

/** Installs a Node script with arguments as an executable. */
export function installProgram(folder: string, name: string, script: string, ...args: string[]): string {
  return installScript(
    folder,
    name,
    `export NODE_COMPILE_CACHE="${script}.cache"\nexec "${process.execPath}" "${script}" ${args.join(' ')}`,
  );
}

/** Installs a shell script as an executable. */
export function installScript(folder: string, name: string, text: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
  return file;
}

/** Arguments that start the command from its source. */
export const CLI = [
  process.execPath,
  SOURCE,
  fileURLToPath(new URL('../src/cli.ts', import.meta.url)),
] as const;
