import { decodeAs, parseJson } from './decode.ts';
import { CniError, ErrorCode } from './error.ts';
import { isNetworkConfig, isRuntimeConfig, networkConfigKeys, runtimeConfigKeys } from './guards.ts';
import { isIdentifier } from './identifiers.ts';
import { normaliseKeys } from './keys.ts';
import type { Attachment, NetworkConfig, RuntimeConfig } from './schemas/index.ts';
import { defaultVersion } from './version.ts';

/** A configuration that has passed {@link decodeNetworkConfig}: its name is there and good, its version is filled in. */
export interface CheckedConfig extends NetworkConfig {
  cniVersion: string;
  name: string;
}

/**
 * Reads the configuration a plugin gets on stdin. Known keys are spelled as the SPEC does, in `runtimeConfig`
 * too, and absent if null; all other keys are kept as they came. An absent or empty cniVersion becomes 0.1.0;
 * whether the plugin speaks the version is not looked at.
 *
 * @throws CniError 6 for what is not one JSON object or has a known key of a wrong type, 7 for a missing or
 *   malformed name.
 */
export function decodeNetworkConfig(stdin: string): CheckedConfig {
  const what = 'the network configuration on stdin';
  const document = parseJson(stdin, what);
  // Go decodes a null document into the zero configuration, whose name is missing.
  const config = decodeAs(
    { name: 'networkConfig', guard: isNetworkConfig, keys: networkConfigKeys },
    document ?? {},
    what,
  );
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
      `Invalid network name ${JSON.stringify(name)}: it must start with a letter or digit and go on with letters, digits, _ . or -`,
    );
  }
  if (config.runtimeConfig) {
    config.runtimeConfig = normaliseKeys(config.runtimeConfig, runtimeConfigKeys) as Record<string, unknown>;
  }
  return { ...config, name, cniVersion: config.cniVersion || defaultVersion };
}

/**
 * The checked value of one capability argument, undefined if the runtime gave none.
 *
 * Only what the plugin asks for is checked: malformed arguments for others are none of its business.
 *
 * @param config a configuration from {@link decodeNetworkConfig}
 * @throws CniError 7 that says what is wrong with it.
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
 * The attachments that GC must keep: undefined if the runtime does not say, and then nothing may be freed;
 * an empty list, or null as CRI-O sends it, if there are none.
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
