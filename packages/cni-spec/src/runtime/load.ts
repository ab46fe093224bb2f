import { type CniError, toCniError } from '../error.ts';
import { type ConfigList, parseConfigList, parseSingleConfig } from './config-list.ts';
import type { RuntimeIo } from './io.ts';

/** A configuration file with its list or its error. */
export type LoadedConfig = { file: string; list: ConfigList } | { file: string; error: CniError };

type FileIo = Pick<RuntimeIo, 'readdir' | 'readText'>;

const EXTENSIONS = ['.conf', '.conflist', '.json'];

/**
 * Loads all configuration files of a folder, sorted by name; the first is the default network of a node.
 * Returns invalid files too, so that the caller decides: containerd fails at the first one, CRI-O skips it.
 */
export function loadConfigs(io: FileIo, folder: string): LoadedConfig[] {
  const names = (io.readdir(folder) ?? []).filter((name) =>
    EXTENSIONS.some((extension) => name.endsWith(extension)),
  );
  return names.sort(byCodeUnits).map((name) => {
    const file = `${folder}/${name}`;
    try {
      return { file, list: loadConfigFile(io, file) };
    } catch (thrown) {
      return { file, error: toCniError(thrown) };
    }
  });
}

/**
 * Loads one file: a `.conflist` is a list, any other file a single plugin. Unless loadOnlyInlinedPlugins is
 * true, the plugin objects in `<folder>/<network name>/*.conf` follow the inline ones, in the order of their
 * names.
 *
 * @throws {CniError} 5, 6 or 7
 */
export function loadConfigFile(io: FileIo, file: string): ConfigList {
  const text = readRequired(io, file);
  if (!file.endsWith('.conflist')) {
    return parseSingleConfig(text);
  }
  const folder = `${file.slice(0, file.lastIndexOf('/'))}/${networkName(text)}`;
  const names = folder.endsWith('/')
    ? []
    : (io.readdir(folder) ?? []).filter((name) => name.endsWith('.conf'));
  return parseConfigList(
    text,
    names.sort(byCodeUnits).map((name) => readRequired(io, `${folder}/${name}`)),
  );
}

/** Returns the name if it can be part of a path. Any other name has no folder, and ADD refuses it. */
function networkName(text: string): string {
  try {
    const { name } = JSON.parse(text) as { name?: unknown };
    return typeof name === 'string' && !name.includes('/') && name !== '.' && name !== '..' ? name : '';
  } catch {
    return '';
  }
}

function readRequired(io: FileIo, file: string): string {
  const text = io.readText(file);
  if (text === undefined) {
    throw new Error(`${file} no longer exists`);
  }
  return text;
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
