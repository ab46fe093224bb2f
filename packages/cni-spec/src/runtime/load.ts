import { type CniError, toCniError } from '../error.ts';
import { type ConfigList, parseConfigList, parseSingleConfig } from './config-list.ts';
import type { RuntimeIo } from './io.ts';

/** A configuration file: what it holds, or why it does not. */
export type LoadedConfig = { file: string; list: ConfigList } | { file: string; error: CniError };

type FileIo = Pick<RuntimeIo, 'readdir' | 'readText'>;

const EXTENSIONS = ['.conf', '.conflist', '.json'];

/**
 * All configuration files of a folder, sorted by name: the first is a node's default network. Nothing is
 * skipped in silence, so the caller decides whether one bad file matters; containerd lets the first one fail
 * the load, CRI-O goes on to the next.
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
 * One file: a `.conflist` is a list, anything else a single plugin. Unless the list says
 * loadOnlyInlinedPlugins, the plugin objects in `<folder>/<network name>/*.conf` follow the inline ones, in
 * the order of their names.
 *
 * @throws CniError 5, 6 or 7.
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

/** The name, if it may be part of a path; else the list has no folder, and ADD will refuse the name. */
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
    throw new Error(`${file} is gone`);
  }
  return text;
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
