import { checkKeys } from '#check-keys';
import type { CheckedConfig } from './config.ts';
import type { Env, Verb } from './env.ts';
import type { Attachment, NetworkConfig, Result } from './schemas/index.ts';
import { supportedVersions, type Version } from './version.ts';

/** Input of a verb. `T` is the result of the plugin's `config` function. */
export interface Context<T> {
  command: Verb;
  /** CNI_CONTAINERID; '' for GC and STATUS. */
  containerID: string;
  /** CNI_NETNS; '' for GC and STATUS, and for DEL if the namespace no longer exists. */
  netns: string;
  /** CNI_IFNAME; '' for GC and STATUS. */
  ifName: string;
  /** CNI_ARGS. */
  args: Record<string, string>;
  /** Directories of CNI_PATH, where delegates are searched. */
  path: string[];
  conf: T;
  /** prevResult of the configuration, converted to the latest format. */
  prevResult?: Result | undefined;
  /** GC only: the attachments to keep. If absent, nothing may be freed. */
  validAttachments?: Attachment[] | undefined;
  /** The complete stdin, for delegates. */
  stdin: string;
  /** The complete environment, for delegates. */
  env: Env;
  /**
   * Attributes the time since the last call, or since the start, to a phase of the verb. Absent unless phases
   * are measured.
   */
  mark?: ((phase: string) => void) | undefined;
}

/** Options of {@link definePlugin}. An absent verb succeeds and does nothing. */
export interface PluginOptions<T> {
  /** Description in one line, printed when a user runs the plugin manually. */
  about: string;
  /**
   * Supported versions.
   *
   * @default all versions of this package
   */
  versions?: readonly Version[];
  /**
   * Supported keys of CNI_ARGS, which is then parsed strictly, see `parseArgs()`.
   *
   * @default any keys
   */
  args?: readonly string[];
  /**
   * CNI_* variables that the plugin does not need although the protocol requires them, such as CNI_PATH.
   *
   * @default none
   */
  optionalEnv?: readonly string[];
  /**
   * Parses the configuration on stdin. Runs before every verb except VERSION. An error without a code gets
   * the code 7.
   *
   * @default the configuration as it is
   */
  config?: (raw: CheckedConfig) => T;
  /**
   * Parses the configuration for DEL and GC. It may have become invalid since ADD, and a pod must still be able to end: an
   * error is only for a field that DEL itself needs.
   *
   * @default `config`
   */
  configForDel?: ((raw: CheckedConfig) => T) | undefined;
  /**
   * Promises that the interfaces, addresses and routes of `add` are as `decodeResult()` returns them: valid, addresses in
   * canonical text, no empty value, no unknown key. `dispatch()` then prints them without checking each.
   *
   * @default false
   */
  canonicalResults?: boolean;
  /** Creates the interface and returns the complete result, including prevResult. */
  add?: (context: Context<T>) => Result;
  /** Undoes ADD. Missing objects are not an error. */
  del?: (context: Context<T>) => void;
  /**
   * Throws when the state differs from `prevResult`, the result of ADD. The specification requires it for CHECK, so
   * `dispatch()` refuses a CHECK without it.
   */
  check?: (context: Context<T>) => void;
  /**
   * Runs `check` also without `prevResult`: for an IPAM plugin, which compares with its own records.
   *
   * @default false
   */
  checkWithoutPrevResult?: boolean;
  /** Removes everything that does not belong to a valid attachment. */
  gc?: (context: Context<T>) => void;
  /** Throws when the plugin cannot serve ADD now. */
  status?: (context: Context<T>) => void;
}

/** A plugin for `dispatch()` and `runPlugin()`. */
export interface Plugin<T> extends PluginOptions<T> {
  versions: readonly Version[];
  config: (raw: CheckedConfig) => T;
}

/**
 * Defines a plugin by its verbs, which handle neither environment nor stdin nor exit codes.
 *
 * @throws {CniError} 999 for an unknown option, such as a misspelt verb
 */
export function definePlugin<T = CheckedConfig & NetworkConfig>(options: PluginOptions<T>): Plugin<T> {
  checkKeys<keyof PluginOptions<unknown>>('plugin', options, {
    about: true,
    versions: true,
    args: true,
    optionalEnv: true,
    config: true,
    configForDel: true,
    canonicalResults: true,
    add: true,
    del: true,
    check: true,
    checkWithoutPrevResult: true,
    gc: true,
    status: true,
  });
  const { versions = supportedVersions, config = (raw: CheckedConfig) => raw as T } = options;
  return { ...options, versions, config };
}
