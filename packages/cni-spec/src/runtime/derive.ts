import type { Attachment } from '../schemas/index.ts';
import type { ConfigList, PluginEntry } from './config-list.ts';

/** What changes from one operation to the next. */
export interface DeriveOptions {
  /** Arguments by capability; a plugin gets those whose capability it says it has. */
  capabilityArgs?: Readonly<Record<string, unknown>>;
  prevResult?: object;
  /** GC only. */
  validAttachments?: readonly Attachment[];
}

/**
 * The stdin of one plugin of a list (SPEC section 3 "Deriving"): name and version are the list's, prevResult
 * and runtimeConfig are the runtime's alone, everything else is as the administrator wrote it.
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
    // What the 1.1.0 text first called it, and plugins built then read.
    config['cni.dev/attachments'] = options.validAttachments;
  }
  return JSON.stringify(config);
}

/** Keys that are not the administrator's to set; in any case, since plugins match them so. */
const OWN_KEYS = [
  'name',
  'cniversion',
  'runtimeconfig',
  'prevresult',
  'cni.dev/valid-attachments',
  'cni.dev/attachments',
];
