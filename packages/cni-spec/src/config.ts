import { decodeAs, parseJson, validFields } from './decode.ts';
import { CniError, ErrorCode } from './error.ts';
import { isNetworkConfig, isRuntimeConfig, networkConfigKeys, runtimeConfigKeys } from './guards.ts';
import { isIdentifier } from './identifiers.ts';
import { normaliseKeys } from './keys.ts';
import type { Attachment, NetworkConfig, RuntimeConfig } from './schemas/index.ts';
import { defaultVersion } from './version.ts';

/** A configuration of {@link decodeNetworkConfig}, with a valid name and a version. */
export interface CheckedConfig extends NetworkConfig {
  cniVersion: string;
  name: string;
}

/** Options of {@link decodeNetworkConfig}. */
export interface DecodeOptions {
  /**
   * Treats keys that DEL and GC can do without as absent when their type is wrong.
   *
   * @default false
   */
  lenient?: boolean;
}

/** Keys that DEL and GC need: without `ipam` an address would leak. */
const NEEDED_BY_DEL = ['cniVersion', 'name', 'ipam', 'cni.dev/valid-attachments', 'cni.dev/attachments'];

/**
 * Decodes the configuration that a plugin gets on stdin. Known keys, also in `runtimeConfig`, get the
 * spelling of the SPEC and are dropped if null. Other keys stay as they are. An absent or empty cniVersion
 * becomes 0.1.0. The function does not check whether the plugin supports the version.
 *
 * @throws {CniError} 6 when stdin is not one JSON object or a known key has a wrong type, 7 for a missing or
 * invalid name
 */
export function decodeNetworkConfig(stdin: string, { lenient = false }: DecodeOptions = {}): CheckedConfig {
  const what = 'the network configuration on stdin';
  const document = parseJson(stdin, what);
  const schema = { name: 'networkConfig', guard: isNetworkConfig, keys: networkConfigKeys } as const;
  // Go decodes a null document into the zero configuration, whose name is missing.
  const normal = normaliseKeys(document ?? {}, networkConfigKeys);
  const config = isNetworkConfig(normal)
    ? normal
    : decodeAs(schema, lenient ? withoutInvalid(normal) : normal, what);
  const { name } = config;
  if (name === undefined || name === '') {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      'Missing network name: set "name" in the network configuration',
    );
  }
  if (!isIdentifier(name)) {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      `Invalid network name ${JSON.stringify(name)}: expected a letter or digit, then letters, digits, _ . or -`,
    );
  }
  if (config.runtimeConfig) {
    config.runtimeConfig = normaliseKeys(config.runtimeConfig, runtimeConfigKeys) as Record<string, unknown>;
  }
  config.cniVersion ||= defaultVersion;
  return config as CheckedConfig;
}

/** Drops the keys of a wrong type that DEL and GC can do without. */
function withoutInvalid(normal: unknown): unknown {
  if (typeof normal !== 'object' || normal === null || Array.isArray(normal)) {
    return normal;
  }
  const needed = Object.entries(normal).filter(([key]) => NEEDED_BY_DEL.includes(key));
  return { ...validFields(normal, isNetworkConfig), ...Object.fromEntries(needed) };
}

/**
 * Returns the validated value of one capability argument, or `undefined` if the runtime has passed none. Does
 * not check the arguments of other capabilities.
 *
 * @param config a configuration of {@link decodeNetworkConfig}
 * @throws {CniError} 7 with the reason when the value is invalid
 */
export function capability<K extends keyof RuntimeConfig & string>(
  config: NetworkConfig,
  name: K,
): RuntimeConfig[K] | undefined {
  const value = config.runtimeConfig?.[name];
  if (value === undefined || value === null) {
    return undefined;
  }
  const checked = decodeAs(
    { name: 'runtimeConfig', guard: isRuntimeConfig, keys: runtimeConfigKeys },
    { [name]: value },
    'runtimeConfig',
    ErrorCode.InvalidNetworkConfig,
  );
  return checked[name];
}

/**
 * Returns the attachments that GC must keep, or `undefined` if the runtime does not name any list; nothing
 * may be freed then. CRI-O sends null for an empty list.
 */
export function validAttachments(config: NetworkConfig): Attachment[] | undefined {
  for (const key of ['cni.dev/valid-attachments', 'cni.dev/attachments'] as const) {
    const list = config[key];
    if (list !== undefined) {
      return list ?? [];
    }
  }
  return undefined;
}
