import { explain } from '#explain';
import { CniError, ErrorCode } from '../error.ts';
import { isNetworkConfig, isNetworkConfigList, networkConfigKeys } from '../guards.ts';
import { normaliseKeys } from '../keys.ts';
import type { NetworkConfig, NetworkConfigList } from '../schemas/index.ts';
import { compareVersions, latestVersion, parseVersion } from '../version.ts';
import { parseExact } from './json.ts';

/** One plugin of a list. */
export interface PluginEntry {
  /** File name of the executable, which is validated when it is run. */
  type: string;
  /** Keys of runtimeConfig that the plugin supports. */
  capabilities: Readonly<Record<string, boolean>>;
  /** The object as written. */
  config: Readonly<Record<string, unknown>>;
}

/** A network: an ordered list of plugins with the chosen version. */
export interface ConfigList {
  /** Validated by ADD. */
  name: string;
  /** The version that plugins get; '' if the file has none. */
  cniVersion: string;
  disableCheck: boolean;
  disableGC: boolean;
  loadOnlyInlinedPlugins: boolean;
  plugins: readonly PluginEntry[];
  /** Text of the file, for the cache. */
  text: string;
}

/**
 * Parses a configuration list (SPEC section 1). Chooses the highest supported version of `cniVersion` and
 * `cniVersions`; without `cniVersions`, cniVersion stays as it is. Keys of a list are case-sensitive, as in
 * libcni.
 *
 * @param text content of the file
 * @param more texts of the plugin objects after the inline ones, see {@link loadConfigFile}
 * @throws {CniError} 6 or 7 for an invalid list
 */
export function parseConfigList(text: string, more: readonly string[] = []): ConfigList {
  const what = 'the network configuration list';
  const document = parseExact(text, what);
  if (!isNetworkConfigList(document)) {
    throw new CniError(
      ErrorCode.DecodingFailure,
      `Cannot decode ${what}: ${explain('networkConfigList', document)}`,
    );
  }
  const inline = document.plugins;
  const loadOnlyInlinedPlugins = isTrue(document.loadOnlyInlinedPlugins);
  if (inline?.length === 0) {
    throw invalid(document.name, 'its list of plugins is empty');
  }
  if (loadOnlyInlinedPlugins && !inline) {
    throw invalid(document.name, 'it has no list of plugins');
  }
  const plugins = (inline ?? []).map((object) => readEntry(object, document.name));
  if (!loadOnlyInlinedPlugins) {
    plugins.push(
      ...more.map((one) => readEntry(parseExact(one, `a plugin of network ${document.name}`), document.name)),
    );
  }
  if (plugins.length === 0) {
    throw invalid(document.name, 'it has no plugins');
  }
  return {
    name: document.name,
    cniVersion: chooseVersion(document),
    disableCheck: isTrue(document.disableCheck),
    disableGC: isTrue(document.disableGC),
    loadOnlyInlinedPlugins,
    plugins,
    text: more.length === 0 ? text : wholeText(document, plugins),
  };
}

/** Returns the list as one text for the cache. The objects in the folder may change before DEL. */
function wholeText(document: NetworkConfigList, plugins: readonly PluginEntry[]): string {
  return JSON.stringify({
    ...document,
    plugins: plugins.map(({ config }) => config),
    loadOnlyInlinedPlugins: true,
  });
}

/**
 * Parses the configuration of a single plugin (a `.conf` or `.json` file) as a list of one.
 *
 * @throws {CniError} 6 or 7 for an invalid configuration
 */
export function parseSingleConfig(text: string): ConfigList {
  const document = parseExact(text, 'the network configuration');
  const entry = readEntry(document, undefined);
  const { name = '', cniVersion = '' } = normaliseKeys(document, networkConfigKeys) as NetworkConfig;
  const list = { name, cniVersion, plugins: [document] };
  return {
    name,
    cniVersion,
    disableCheck: false,
    disableGC: false,
    loadOnlyInlinedPlugins: true,
    plugins: [entry],
    text: JSON.stringify(list),
  };
}

/** Returns the highest supported version of `cniVersion` and `cniVersions`. */
function chooseVersion({ name, cniVersion = '', cniVersions }: NetworkConfigList): string {
  if (!cniVersions) {
    return cniVersion;
  }
  const candidates = cniVersion === '' ? [...cniVersions] : [...cniVersions, cniVersion];
  for (const version of candidates) {
    if (!parseVersion(version)) {
      throw invalid(name, `${JSON.stringify(version)} is not a version`);
    }
  }
  const spoken = candidates
    .filter((version) => compareVersions(version, latestVersion) <= 0)
    .sort(compareVersions);
  return spoken.at(-1) ?? cniVersion;
}

function readEntry(object: unknown, network: string | undefined): PluginEntry {
  const config = normaliseKeys(object, networkConfigKeys);
  const of = network === undefined ? '' : ` of network ${JSON.stringify(network)}`;
  if (!isNetworkConfig(config)) {
    throw new CniError(
      ErrorCode.DecodingFailure,
      `Cannot decode a plugin${of}: ${explain('networkConfig', config)}`,
    );
  }
  if (!config.type) {
    const hint = 'plugins' in config ? '. Put a list of plugins into a .conflist file' : '';
    throw new CniError(ErrorCode.InvalidNetworkConfig, `A plugin${of} has no "type"${hint}`);
  }
  return {
    type: config.type,
    capabilities: config.capabilities ?? {},
    config: object as Record<string, unknown>,
  };
}

function isTrue(flag: boolean | string | undefined): boolean {
  return flag === true || (typeof flag === 'string' && flag.toLowerCase() === 'true');
}

function invalid(name: string, problem: string): CniError {
  return new CniError(
    ErrorCode.InvalidNetworkConfig,
    `Invalid network configuration list ${JSON.stringify(name)}: ${problem}`,
  );
}
