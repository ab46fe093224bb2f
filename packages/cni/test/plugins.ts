import { chmodSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const SOURCE = '--conditions=@cnikit/source';

/**
 * Bundles a TypeScript program of this directory into one script, with the addon of @cnikit/sys beside it. A bundle
 * starts in a third of the time.
 */
export async function bundleProgram(program: string): Promise<string> {
  const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
  const outfile = path(`../build/test/${program}.mjs`);
  await build({
    entryPoints: [path(`./${program}.ts`)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    conditions: ['@cnikit/source'],
    define: { 'import.meta.main': 'false' },
    logLevel: 'error',
  });
  const sys = dirname(createRequire(import.meta.url).resolve('@cnikit/sys/package.json'));
  const addon = 'cnikit_sys.node';
  cpSync(join(sys, 'prebuilds', `linux-${process.arch}`, addon), path(`../build/test/${addon}`));
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
