/** Reads the plugins to chain from a file, such as a mounted ConfigMap. */
import { readFileSync } from 'node:fs';
import type { Chain, ChainedPlugin, SpokenVersions } from '../core/model.ts';
import { NETWORK_NAME } from '../core/names.ts';
import { problem } from '../core/problem.ts';

const MAX_BYTES = 64 * 1024;
const MAX_PLUGINS = 16;
/** Name of a program in the CNI directory: no path, no hidden file. */
const TYPE = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
/** Keys that the runtime copies from the list. */
const RESERVED = ['cniVersion', 'name', 'prevResult'] as const;

/**
 * Parses a JSON list of plugin objects.
 *
 * @throws {Error} when the list is invalid
 */
export function parseChain(text: string): ChainedPlugin[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) {
    throw new Error('it is not a JSON list of plugin objects');
  }
  if (list.length > MAX_PLUGINS) {
    throw new Error(`it has more than ${MAX_PLUGINS} plugins`);
  }
  list.forEach((plugin: unknown, i) => {
    if (typeof plugin !== 'object' || plugin === null || Array.isArray(plugin)) {
      throw new Error(`entry ${i} is not an object`);
    }
    const { type } = plugin as ChainedPlugin;
    if (typeof type !== 'string' || !TYPE.test(type)) {
      throw new Error(`"type" of entry ${i} is ${JSON.stringify(type)}: it must be the name of a plugin`);
    }
    const reserved = RESERVED.find((key) => key in plugin);
    if (reserved !== undefined) {
      throw new Error(`entry ${i} (${type}) has "${reserved}", which the runtime sets: remove it`);
    }
  });
  return list as ChainedPlugin[];
}

/**
 * Returns a function that reads `file`. While the file is invalid, it reports a problem and returns the last
 * valid plugins of this process, or those of the conflist that `installed` reads. `ask` returns the CNI
 * versions of an installed plugin.
 */
export function chainReader(
  file: string,
  installed: () => string | undefined,
  ask?: (type: string) => SpokenVersions,
): () => Chain {
  let good: readonly ChainedPlugin[] | undefined;
  const chain = (plugins: Chain['plugins'], problems: Chain['problems']): Chain => ({
    plugins,
    problems,
    spoken: ask && [...new Set(plugins?.map(({ type }) => type as string))].map(ask),
  });
  return () => {
    try {
      const text = readFileSync(file, 'utf8');
      if (text.length > MAX_BYTES) {
        throw new Error(`it is larger than ${MAX_BYTES} bytes`);
      }
      good = parseChain(text);
      return chain(good, []);
    } catch (error) {
      good ??= chainOf(installed());
      const kept =
        good === undefined
          ? 'No CNI configuration is written until it is fixed'
          : 'The previous plugins stay chained';
      const message = `Cannot use the chained plugins of ${file}: ${(error as Error).message}. ${kept}`;
      return chain(good, [problem('chain', '', message)]);
    }
  };
}

/** Returns the chained plugins of a conflist that the agent wrote. */
function chainOf(conflist: string | undefined): ChainedPlugin[] | undefined {
  try {
    const { name, plugins } = JSON.parse(conflist ?? '') as { name: unknown; plugins: unknown[] };
    return name === NETWORK_NAME ? parseChain(JSON.stringify(plugins.slice(1))) : undefined;
  } catch {
    return undefined;
  }
}
