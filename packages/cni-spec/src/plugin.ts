import type { CheckedConfig } from './config.ts';
import type { Env, Verb } from './env.ts';
import type { Attachment, NetworkConfig, Result } from './schemas/index.ts';
import { supportedVersions, type Version } from './version.ts';

/** What a verb gets to work with. `T` is what the plugin's `config` function made. */
export interface Context<T> {
  command: Verb;
  /** CNI_CONTAINERID; '' for GC and STATUS. */
  containerID: string;
  /** CNI_NETNS as it was given; '' for GC and STATUS, and for DEL when the namespace is gone. */
  netns: string;
  /** CNI_IFNAME; '' for GC and STATUS. */
  ifName: string;
  /** CNI_ARGS. */
  args: Record<string, string>;
  /** The folders of CNI_PATH, where delegates are looked for. */
  path: string[];
  conf: T;
  /** The configuration's prevResult, converted to the newest shape from whatever version it had. */
  prevResult?: Result;
  /** GC only: what to keep. Absent if the runtime did not say, and then nothing may be freed. */
  validAttachments?: Attachment[];
  /** The whole stdin, for delegates. */
  stdin: string;
  /** The whole environment, for delegates. */
  env: Env;
  /** Books the time since it was last called, or since the start, on a phase of the verb. Absent when nobody wants to know. */
  mark?: (phase: string) => void;
}

/** How a plugin is described to {@link definePlugin}. A verb that is absent succeeds and does nothing. */
export interface PluginOptions<T> {
  /** One line that says what the plugin is, for people who run it by hand. */
  about: string;
  /** The versions it speaks; all that this package knows if absent. */
  versions?: readonly Version[];
  /** The CNI_ARGS keys it understands. If given, CNI_ARGS is parsed strictly, see parseArgs. */
  args?: readonly string[];
  /** CNI_* variables that it can do without although the protocol asks for them, such as CNI_PATH. */
  optionalEnv?: readonly string[];
  /**
   * Makes the plugin's own configuration of what was on stdin; runs before every verb but VERSION.
   * What it throws without a code of its own becomes code 7.
   */
  config?: (raw: CheckedConfig) => T;
  /** Makes the interface and returns the whole result, prevResult included. */
  add?: (context: Context<T>) => Result;
  /** Takes away what ADD made; what is not there is no error. */
  del?: (context: Context<T>) => void;
  /** Throws when what ADD made is not as it was. */
  check?: (context: Context<T>) => void;
  /** Takes away what belongs to none of the valid attachments of the configuration. */
  gc?: (context: Context<T>) => void;
  /** Throws when ADD could not be served now. */
  status?: (context: Context<T>) => void;
}

/** A plugin for `dispatch` and `runPlugin`. */
export interface Plugin<T> extends PluginOptions<T> {
  versions: readonly Version[];
  config: (raw: CheckedConfig) => T;
}

/**
 * Describes a plugin: its verbs, without anything of environment, stdin or exit codes.
 *
 * `config` may be left out if the verbs take the configuration as it is.
 */
export function definePlugin<T = CheckedConfig & NetworkConfig>(options: PluginOptions<T>): Plugin<T> {
  const { versions = supportedVersions, config = (raw: CheckedConfig) => raw as T } = options;
  return { ...options, versions, config };
}
