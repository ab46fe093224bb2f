import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Toolchain } from './toolchain.ts';

const run = promisify(execFile);

/** A file to compile. */
export interface Unit {
  source: string;
  flags: string[];
}

/** Returns a temporary name for `path`, because builds run concurrently and may be interrupted. */
export function partOf(path: string): string {
  return `${path}.${randomUUID()}.part`;
}

/**
 * Compiles each unit to an object below `cacheDir`. The object's name is a hash of the compiler's version, the flags, the
 * source, and the headers of its folder and of -I folders. Returns the paths of the objects in order.
 */
export async function compileAll(units: Unit[], tools: Toolchain, cacheDir: string): Promise<string[]> {
  const folder = join(cacheDir, 'objects');
  mkdirSync(folder, { recursive: true });
  // Compile two at a time, because the machine may be small.
  const objects: string[] = [];
  const queue = units.entries();
  const worker = async () => {
    for (const [i, unit] of queue) {
      objects[i] = await compile(unit, tools, folder);
    }
  };
  await Promise.all([worker(), worker()]);
  return objects;
}

async function compile(unit: Unit, tools: Toolchain, folder: string): Promise<string> {
  const flags = [...tools.flags, ...unit.flags];
  const hash = createHash('sha256').update(JSON.stringify([tools.cc, tools.version, flags]));
  for (const file of [unit.source, ...headers(unit)]) {
    hash.update(basename(file)).update(readFileSync(file));
  }
  const object = join(folder, `${basename(unit.source, '.c')}-${hash.digest('hex').slice(0, 24)}.o`);
  if (!existsSync(object)) {
    const part = partOf(object);
    await run(tools.cc, [...flags, '-c', unit.source, '-o', part]);
    renameSync(part, object);
  }
  return object;
}

function headers(unit: Unit): string[] {
  const folders = [
    dirname(unit.source),
    ...unit.flags.filter((f) => f.startsWith('-I')).map((f) => f.slice(2)),
  ];
  return [...new Set(folders)].flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.h'))
      .sort()
      .map((name) => join(folder, name)),
  );
}
