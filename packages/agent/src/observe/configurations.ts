/** The CNI configurations of this node as a container runtime finds them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONFLIST_NAME } from '../core/names.ts';
import { type Problem, problem } from '../core/problem.ts';

/** One file that a runtime loads. */
export interface Configuration {
  file: string;
  /** The network's name and the plugins' types; absent when the file cannot be used. */
  name?: string;
  types?: string[];
  /** Why the file cannot be used. */
  broken?: string;
}

/** Runtimes take these endings only (hidden files too), in the order of the names, and the first file wins. */
const LOADED = /\.(conf|conflist|json)$/;

/** In the order in which they win. An unreadable directory has none. */
export function configurations(dir: string): Configuration[] {
  let names: string[];
  try {
    names = readdirSync(dir).filter((name) => LOADED.test(name));
  } catch {
    return [];
  }
  return names.sort().map((file) => ({ file, ...contentOf(join(dir, file)) }));
}

function contentOf(path: string): Omit<Configuration, 'file'> {
  try {
    const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    const plugins = Array.isArray(config.plugins) ? config.plugins : [config];
    const types = plugins.map((plugin: { type?: unknown } | null) => plugin?.type);
    if (types.length === 0 || !types.every((type) => typeof type === 'string')) {
      return { broken: 'it names no plugin' };
    }
    return { name: String(config.name ?? ''), types: types as string[] };
  } catch (error) {
    return { broken: (error as Error).message };
  }
}

/** Configurations that the container runtime prefers to that of cnikit. */
export function earlierConfigurations(confDir: string): Problem[] {
  return configurations(confDir)
    .filter(({ file }) => file < CONFLIST_NAME)
    .map((config) =>
      problem(
        'earlier-configuration',
        config.file,
        `${join(confDir, config.file)}${whose(config)} sorts before ${CONFLIST_NAME}, so the container runtime uses it and not cnikit. Remove it when its CNI is gone`,
      ),
    );
}

function whose({ name, types, broken }: Configuration): string {
  if (broken !== undefined) {
    return ` (broken: ${broken}; containerd then loads no configuration at all)`;
  }
  return ` (network ${name}, plugins ${types!.join(', ')})`;
}
