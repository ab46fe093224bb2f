import { checkKeys } from '#check-keys';
import { convertResult, decodeResult, statedVersion } from '../convert.ts';
import type { Command } from '../env.ts';
import { CniError, ErrorCode, toCniError } from '../error.ts';
import { checkOutcome, execEnv, findPlugin, PluginError, readResult } from '../exec.ts';
import { interfaceNameProblem, isIdentifier } from '../identifiers.ts';
import type { Attachment, Result } from '../schemas/index.ts';
import { compareVersions, defaultVersion, parseVersion, verbSince } from '../version.ts';
import { type AttachmentRequest, type CachedAttachment, ResultCache } from './cache.ts';
import { type ConfigList, type PluginEntry, parseConfigList } from './config-list.ts';
import { type DeriveOptions, derivePluginConfig } from './derive.ts';
import type { RuntimeIo } from './io.ts';
import { readVersions } from './versions.ts';

/** Options of {@link Runtime}. */
export interface RuntimeOptions {
  io: RuntimeIo;
  /** Folders with plugin executables, CNI_PATH. */
  path: readonly string[];
  /** Folder for results between ADD and DEL, /var/lib/cni for libcni. */
  cacheDir: string;
  /**
   * Timeout of one plugin, in milliseconds.
   *
   * @default none
   */
  timeoutMs?: number | undefined;
}

/**
 * The runtime side of the protocol (SPEC section 3): runs the plugins of a list in order, passes results on,
 * and stores them until DEL.
 *
 * The caller must not overlap operations of one container, and must not add or delete while GC runs. All
 * methods reject with a CniError, for an error of a plugin with a PluginError.
 */
export class Runtime {
  readonly cache: ResultCache;
  readonly #options: RuntimeOptions;

  constructor(options: RuntimeOptions) {
    checkKeys<keyof RuntimeOptions>('options', options, {
      io: true,
      path: true,
      cacheDir: true,
      timeoutMs: true,
    });
    this.#options = options;
    this.cache = new ResultCache(options.io, options.cacheDir);
  }

  /**
   * Adds a container to a network. Each plugin gets the result of the previous one.
   *
   * If one fails, runs DEL of the whole list, except after code 3: the plugin then created nothing. Rejects with
   * the error of ADD, even if DEL fails.
   *
   * @returns the result of the last plugin in the latest format
   */
  async add(list: ConfigList, attachment: AttachmentRequest): Promise<Result> {
    checkNames(list, attachment);
    let document: Record<string, unknown> | undefined;
    try {
      for (const entry of list.plugins) {
        const stdout = await this.#run('ADD', list, entry, attachment, { prevResult: document });
        document = readResult(stdout, list.cniVersion || defaultVersion, entry.type);
        // Refused here, so that the error names this plugin and not the next.
        decodeResult(document);
      }
      const result = document as Record<string, unknown>;
      this.cache.save({ ...attachment, networkName: list.name, config: list.text, result });
      return decodeResult(result);
    } catch (thrown) {
      const error = toCniError(thrown);
      if (error.code !== ErrorCode.UnknownContainer) {
        await this.#undo(list, attachment);
      }
      throw error;
    }
  }

  /**
   * Removes a container from a network, last plugin first. Stops at the first error and keeps the cached
   * result for a retry. Ignores an invalid cached result.
   */
  async del(list: ConfigList, attachment: AttachmentRequest): Promise<void> {
    const prevResult = this.#cachedResult(list, attachment);
    for (const entry of list.plugins.toReversed()) {
      await this.#run('DEL', list, entry, attachment, { prevResult });
    }
    this.cache.remove(list.name, attachment);
  }

  /**
   * Checks that a container is still as ADD configured it. Runs nothing if the list has disableCheck.
   *
   * @throws {CniError} 1 when the version of the list has no CHECK
   */
  async check(list: ConfigList, attachment: AttachmentRequest): Promise<void> {
    if (!speaks(list, verbSince.CHECK)) {
      throw new CniError(
        ErrorCode.IncompatibleCNIVersion,
        `Configuration version ${JSON.stringify(list.cniVersion)} does not support CHECK`,
      );
    }
    if (list.disableCheck) {
      return;
    }
    const prevResult = this.#cachedResult(list, attachment);
    for (const entry of list.plugins) {
      await this.#run('CHECK', list, entry, attachment, { prevResult });
    }
  }

  /**
   * Frees the resources of stale attachments: DEL for each cached attachment that is not in `valid`, then GC
   * of all plugins (1.1.0). Continues after errors. Does nothing if the list has disableGC.
   *
   * @param valid the attachments to keep; `undefined` if unknown, so that plugins free nothing
   * @throws {AggregateError} with all errors
   */
  async gc(list: ConfigList, valid: readonly Attachment[] | undefined): Promise<void> {
    if (list.disableGC) {
      return;
    }
    const errors: CniError[] = [];
    const collectError = async (work: Promise<unknown>) => {
      await work.catch((thrown) => errors.push(toCniError(thrown)));
    };
    if (valid) {
      for (const cached of this.cache.list(list.name)) {
        const kept = valid.some(
          (one) => one.containerID === cached.containerID && one.ifname === cached.ifName,
        );
        if (!kept) {
          await collectError(this.#delCached(list, cached));
        }
      }
    }
    if (speaks(list, verbSince.GC)) {
      for (const entry of list.plugins) {
        await collectError(this.#run('GC', list, entry, undefined, { validAttachments: valid }));
      }
    }
    if (errors.length > 0) {
      throw new AggregateError(errors, errors.map((error) => error.message).join('; '));
    }
  }

  /** Runs STATUS of each plugin (1.1.0) and stops at the first error. Succeeds below 1.1.0. */
  async status(list: ConfigList): Promise<void> {
    if (!speaks(list, verbSince.STATUS)) {
      return;
    }
    for (const entry of list.plugins) {
      await this.#run('STATUS', list, entry, undefined, {});
    }
  }

  /** Returns the versions that a plugin supports. */
  async versions(type: string): Promise<string[]> {
    const file = findPlugin(type, this.#options.path, this.#options.io.isFile);
    const outcome = await this.#exec({
      file,
      // Old plugins require all variables for any command.
      env: this.#env('VERSION', { containerID: 'dummy', netns: 'dummy', ifName: 'dummy' }),
      stdin: JSON.stringify({ cniVersion: '1.1.0' }),
    });
    return readVersions(outcome, type);
  }

  /**
   * Finds every executable of a list and checks that it supports the version of the list.
   *
   * @throws {CniError} 7 for a missing plugin, 1 for one that does not support the version
   */
  async validate(list: ConfigList): Promise<void> {
    const version = list.cniVersion || defaultVersion;
    for (const type of new Set(list.plugins.map((entry) => entry.type))) {
      const spoken = await this.versions(type);
      if (!spoken.includes(version)) {
        throw new CniError(
          ErrorCode.IncompatibleCNIVersion,
          `Plugin ${type} does not support version ${JSON.stringify(version)}`,
          `It supports ${spoken.join(', ')}`,
        );
      }
    }
  }

  async #run(
    command: Command,
    list: ConfigList,
    entry: PluginEntry,
    attachment: AttachmentRequest | undefined,
    options: DeriveOptions,
  ): Promise<string> {
    const { path, io } = this.#options;
    const about = { plugin: entry.type, command };
    const file = findPlugin(entry.type, path, io.isFile);
    const capabilityArgs = attachment?.capabilityArgs;
    const stdin = derivePluginConfig(list, entry, {
      ...options,
      capabilityArgs,
    });
    try {
      const outcome = await this.#exec({ file, env: this.#env(command, attachment), stdin });
      checkOutcome(outcome, about);
      return outcome.stdout;
    } catch (thrown) {
      throw thrown instanceof PluginError ? thrown : new PluginError(toCniError(thrown), about);
    }
  }

  #exec(request: { file: string; env: Record<string, string>; stdin: string }) {
    const { io, timeoutMs } = this.#options;
    return io.exec(timeoutMs === undefined ? request : { ...request, timeoutMs });
  }

  #env(command: Command, attachment: AttachmentRequest | undefined): Record<string, string> {
    return execEnv(this.#options.io.env, {
      CNI_COMMAND: command,
      CNI_CONTAINERID: attachment?.containerID ?? '',
      CNI_NETNS: attachment?.netns ?? '',
      CNI_IFNAME: attachment?.ifName ?? '',
      CNI_ARGS: Object.entries(attachment?.args ?? {})
        .map(([key, value]) => `${key}=${value}`)
        .join(';'),
      CNI_PATH: this.#options.path.join(':'),
    });
  }

  /** Returns the cached result in the version of the list, if that version passes it to DEL and CHECK. */
  #cachedResult(list: ConfigList, attachment: AttachmentRequest): object | undefined {
    if (!speaks(list, '0.4.0')) {
      return undefined;
    }
    const cached = this.cache.load(list.name, attachment);
    if (!cached) {
      return undefined;
    }
    try {
      return convertResult(cached.result, statedVersion(cached.result) ?? list.cniVersion, list.cniVersion)
        .document;
    } catch {
      return undefined;
    }
  }

  /** Deletes with the list of the attachment's ADD: that of the network may have changed. */
  async #delCached(list: ConfigList, cached: CachedAttachment): Promise<void> {
    await this.del(cached.config ? (parseCachedList(cached.config) ?? list) : list, cached);
  }

  async #undo(list: ConfigList, attachment: AttachmentRequest): Promise<void> {
    try {
      await this.del(list, attachment);
    } catch {
      // The caller gets the error of ADD. Its own DEL will report this one.
    }
  }
}

function parseCachedList(text: string): ConfigList | undefined {
  try {
    return parseConfigList(text);
  } catch {
    return undefined;
  }
}

function speaks(list: ConfigList, version: string): boolean {
  return parseVersion(list.cniVersion) !== undefined && compareVersions(list.cniVersion, version) >= 0;
}

function checkNames(list: ConfigList, { containerID, ifName }: AttachmentRequest): void {
  const problem = interfaceNameProblem(ifName);
  if (!isIdentifier(list.name)) {
    throw new CniError(ErrorCode.InvalidNetworkConfig, `Invalid network name ${JSON.stringify(list.name)}`);
  }
  if (!isIdentifier(containerID)) {
    throw new CniError(
      ErrorCode.InvalidEnvironmentVariables,
      `Invalid container ID ${JSON.stringify(containerID)}`,
    );
  }
  if (problem !== undefined) {
    throw new CniError(
      ErrorCode.InvalidEnvironmentVariables,
      `Invalid interface name ${JSON.stringify(ifName)}: it ${problem}`,
    );
  }
}
