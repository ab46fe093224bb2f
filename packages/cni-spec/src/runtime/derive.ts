import type { Attachment } from '../schemas/index.ts';
import type { ConfigList, PluginEntry } from './config-list.ts';

/** Parameters of one operation. */
export interface DeriveOptions {
  /** Arguments by capability. A plugin gets those of its declared capabilities. */
  capabilityArgs?: Readonly<Record<string, unknown>> | undefined;
  prevResult?: object;
  /** GC only. */
  validAttachments?: readonly Attachment[];
}

/**
 * Returns the stdin of one plugin of a list (SPEC section 3 "Deriving"): name and version of the list,
 * prevResult and runtimeConfig of the runtime, and everything else as the administrator wrote it.
 */
export function derivePluginConfig(
  list: ConfigList,
  entry: PluginEntry,
  options: DeriveOptions = {},
): string {
  const config: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(entry.config)) {
    if (!OWN_KEYS.includes(key.toLowerCase())) {
      config[key] = value;
    }
  }
  config.name = list.name;
  config.cniVersion = list.cniVersion;
  const runtimeConfig = Object.entries(options.capabilityArgs ?? {}).filter(
    ([name, value]) => entry.capabilities[name] === true && value !== undefined,
  );
  if (runtimeConfig.length > 0) {
    config.runtimeConfig = Object.fromEntries(runtimeConfig);
  }
  if (options.prevResult) {
    config.prevResult = options.prevResult;
  }
  if (options.validAttachments) {
    config['cni.dev/valid-attachments'] = options.validAttachments;
    // The first name in the 1.1.0 text, which plugins of that time read.
    config['cni.dev/attachments'] = options.validAttachments;
  }
  return JSON.stringify(config);
}

/** Keys that only the runtime may set, in lower case: plugins match them in any case. */
const OWN_KEYS = [
  'name',
  'cniversion',
  'runtimeconfig',
  'prevresult',
  'cni.dev/valid-attachments',
  'cni.dev/attachments',
];
