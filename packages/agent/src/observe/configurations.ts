/** Reads the CNI configurations of this node as a container runtime does. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONFLIST_NAME } from '../core/names.ts';
import { type Problem, problem } from '../core/problem.ts';
import { type Delegation, delegationOf } from './delegation.ts';

/** A file that a runtime loads. */
export interface Configuration {
  file: string;
  /** Name of the network and types of its plugins; absent if the file is unusable. */
  name?: string;
  types?: string[];
  /** CNI versions that the file offers; a runtime picks the newest that it knows, for all plugins. */
  versions?: string[];
  /** A meta plugin that delegates the default network of pods to ours. */
  delegation?: Delegation | undefined;
  /** Why the file is unusable. */
  broken?: string;
}

/** Runtimes load files with these endings, even hidden ones. The first file by name wins. */
const LOADED = /\.(conf|conflist|json)$/;

/** Returns the configurations in the order of precedence; none if the directory is unreadable. */
export function configurations(dir: string): Configuration[] {
  let names: string[];
  try {
    names = readdirSync(dir).filter((name) => LOADED.test(name));
  } catch {
    return [];
  }
  const ours = parsed(join(dir, CONFLIST_NAME));
  return names.sort().map((file) => ({ file, ...contentOf(join(dir, file), ours) }));
}

function parsed(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function contentOf(path: string, ours: unknown): Omit<Configuration, 'file'> {
  try {
    const config = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    const plugins = Array.isArray(config.plugins) ? config.plugins : [config];
    const types = plugins.map((plugin: { type?: unknown } | null) => plugin?.type);
    if (types.length === 0 || !types.every((type) => typeof type === 'string')) {
      return { broken: 'it names no plugin' };
    }
    const offered = [config.cniVersion, ...(Array.isArray(config.cniVersions) ? config.cniVersions : [])];
    const versions = [...new Set(offered.filter((version) => typeof version === 'string'))];
    const delegation = delegationOf(config, ours);
    return { name: String(config.name ?? ''), types: types as string[], versions, delegation };
  } catch (error) {
    return { broken: (error as Error).message };
  }
}

/** Returns a problem for each configuration that takes precedence over ours and does not delegate to it. */
export function earlierConfigurations(confDir: string): Problem[] {
  return configurations(confDir)
    .filter(({ file, delegation }) => file < CONFLIST_NAME && delegation === undefined)
    .map((config) =>
      problem(
        'earlier-configuration',
        config.file,
        `${join(confDir, config.file)}${describeConfiguration(config)} sorts before ${CONFLIST_NAME}, so the container runtime uses it and not cnikit. Remove it when its CNI is gone`,
      ),
    );
}

function describeConfiguration({ name, types, broken }: Configuration): string {
  if (broken !== undefined) {
    return ` (broken: ${broken}; containerd then loads no configuration at all)`;
  }
  return ` (network ${name}, plugins ${types!.join(', ')})`;
}
