import { parseArgs } from './args.ts';
import { type CheckedConfig, decodeNetworkConfig, validAttachments } from './config.ts';
import { decodeResult, encodeCanonicalResult, encodeResult, type ResultDocument } from './convert.ts';
import { checkEnv, type Env, isVerb, splitPath, type Verb } from './env.ts';
import { CniError, ErrorCode, encodeError, toCniError } from './error.ts';
import type { Context, Plugin } from './plugin.ts';
import type { Result } from './schemas/index.ts';
import { compareVersions, latestVersion, type Version, verbSince } from './version.ts';

/** Input of one invocation. */
export interface PluginIo {
  env: Env;
  /** Stdin, or a function that reads it, which is called once the environment is valid. */
  stdin: string | (() => string);
  /**
   * Returns true for the path of the process's own network namespace.
   *
   * @default no check
   */
  sameNetns?: (path: string) => boolean;
  /** For {@link Context.mark}. Called with `parse` once stdin is parsed. */
  mark?: (phase: string) => void;
}

/** Output and exit code of one invocation. */
export interface PluginOutput {
  stdout: string;
  stderr: string;
  exitCode: number;
}

/**
 * Runs one invocation of a plugin, from environment and stdin to stdout and exit code. Never throws.
 *
 * Errors are detected in the order of libcni: an invalid variable, missing variables (all in one message),
 * invalid stdin, the network name, an unknown command, the version. One difference: a CNI_NETNS that is the
 * plugin's own namespace is refused before the verb runs, not after it.
 */
export function dispatch<T>(plugin: Plugin<T>, io: PluginIo): PluginOutput {
  const output: PluginOutput = { stdout: '', stderr: '', exitCode: 0 };
  let replyVersion = plugin.versions.at(-1) ?? latestVersion;
  try {
    if (!io.env.CNI_COMMAND && plugin.about !== '') {
      output.stderr = `${plugin.about}\nCNI protocol versions supported: ${plugin.versions.join(', ')}\n`;
      return output;
    }
    const command = checkEnv(io.env, plugin.optionalEnv);
    if (command === 'VERSION') {
      output.stdout = print({
        cniVersion: requestedVersion(io) ?? replyVersion,
        supportedVersions: plugin.versions,
      });
      return output;
    }
    const stdin = readStdin(io);
    const config = decodeNetworkConfig(stdin, { lenient: removes(command) });
    const { cniVersion } = config;
    const isSupported = isOneOf(plugin.versions, cniVersion);
    if (isSupported) {
      replyVersion = cniVersion;
    }
    if (!isVerb(command)) {
      throw new CniError(ErrorCode.InvalidEnvironmentVariables, `Unknown CNI_COMMAND: ${command}`);
    }
    if (!isSupported) {
      throw new CniError(
        ErrorCode.IncompatibleCNIVersion,
        'Incompatible CNI versions',
        `config is ${JSON.stringify(cniVersion)}, plugin supports ${JSON.stringify(plugin.versions)}`,
      );
    }
    checkVersion(cniVersion, command);
    const result = runVerb(plugin, io, { verb: command, config, version: cniVersion, stdin }, output);
    if (result) {
      output.stdout = print(result);
    }
  } catch (thrown) {
    output.stdout = print(encodeError(toCniError(thrown), replyVersion));
    output.exitCode = 1;
  }
  return output;
}

/** A verb with its configuration, whose version the plugin supports. */
interface Invocation {
  verb: Verb;
  config: CheckedConfig;
  version: Version;
  stdin: string;
}

function runVerb<T>(
  plugin: Plugin<T>,
  io: PluginIo,
  { verb, config, version, stdin }: Invocation,
  output: PluginOutput,
): object | undefined {
  const onContainer = verb === 'ADD' || verb === 'DEL' || verb === 'CHECK';
  const context: Context<T> = {
    command: verb,
    containerID: onContainer ? (io.env.CNI_CONTAINERID ?? '') : '',
    netns: onContainer ? (io.env.CNI_NETNS ?? '') : '',
    ifName: onContainer ? (io.env.CNI_IFNAME ?? '') : '',
    args: onContainer ? parseArgs(io.env.CNI_ARGS, verb === 'DEL' ? undefined : plugin.args) : {},
    path: splitPath(io.env.CNI_PATH),
    conf: makeConfig(plugin, config, verb),
    prevResult: undefined,
    stdin,
    env: io.env,
    mark: io.mark,
  };
  if (onContainer) {
    refuseOwnNetns(io, context.netns);
    const prevResult = readPrevResult(config, verb, output);
    if (prevResult) {
      context.prevResult = prevResult;
    } else if (verb === 'CHECK' && !plugin.checkWithoutPrevResult) {
      throw new CniError(
        ErrorCode.InvalidNetworkConfig,
        'Required prevResult missing',
        'CHECK compares with the result of ADD, which the runtime must pass',
      );
    }
  }
  io.mark?.('parse');
  switch (verb) {
    case 'ADD':
      return plugin.add && encoded(plugin, plugin.add(context), version, context.prevResult);
    case 'DEL':
      refusePromise(verb, plugin.del?.(context));
      return undefined;
    case 'CHECK':
      refusePromise(verb, plugin.check?.(context));
      return undefined;
    case 'STATUS':
      refusePromise(verb, plugin.status?.(context));
      return undefined;
    case 'GC': {
      const valid = validAttachments(config);
      refusePromise(verb, plugin.gc?.(valid ? { ...context, validAttachments: valid } : context));
      return undefined;
    }
  }
}

/** Returns true for the verbs that must work with a configuration that has become invalid since ADD. */
function removes(command: string): boolean {
  return command === 'DEL' || command === 'GC';
}

function makeConfig<T>(plugin: Plugin<T>, config: CheckedConfig, verb: Verb): T {
  try {
    return removes(verb) && plugin.configForDel ? plugin.configForDel(config) : plugin.config(config);
  } catch (thrown) {
    throw toCniError(thrown, ErrorCode.InvalidNetworkConfig);
  }
}

function checkVersion(version: string, command: string): void {
  const since = (verbSince as Record<string, string>)[command];
  if (since !== undefined && compareVersions(version, since) < 0) {
    throw new CniError(
      ErrorCode.IncompatibleCNIVersion,
      `Config version does not allow ${command}`,
      `config is ${JSON.stringify(version)}, ${command} requires ${since}`,
    );
  }
}

/** Decodes prevResult. DEL ignores an invalid one, because it must work without any. */
function readPrevResult(config: CheckedConfig, verb: Verb, output: PluginOutput): Result | undefined {
  if (config.prevResult === undefined) {
    return undefined;
  }
  try {
    return decodeResult(config.prevResult, config.cniVersion);
  } catch (thrown) {
    const error = toCniError(thrown);
    const message = `Cannot use prevResult: ${error.message}`;
    if (verb !== 'DEL') {
      throw new CniError(error.code, message, error.details, { cause: error });
    }
    output.stderr += `${message}; continuing without it\n`;
    return undefined;
  }
}

function encoded<T>(
  { canonicalResults }: Plugin<T>,
  result: Result | undefined,
  version: Version,
  prevResult: Result | undefined,
): ResultDocument {
  refusePromise('ADD', result);
  if (typeof result !== 'object' || result === null) {
    throw new CniError(ErrorCode.Internal, "The plugin's add() returned no result: return at least {}");
  }
  if (canonicalResults) {
    return encodeCanonicalResult(result, version);
  }
  if (prevResult === undefined) {
    checkIndexes(result);
  }
  return encodeResult(result, version);
}

/** Refuses a promise: the process would report success before it settles. */
function refusePromise(verb: Verb, value: unknown): void {
  if (typeof (value as { then?: unknown } | undefined)?.then === 'function') {
    const message = `The plugin's ${verb.toLowerCase()}() returned a promise: verbs are synchronous`;
    throw new CniError(ErrorCode.Internal, message);
  }
}

/** Refuses an invalid interface index, which crashes runtimes. */
function checkIndexes(result: Result): void {
  const count = result.interfaces?.length ?? 0;
  for (const { address, interface: index } of result.ips ?? []) {
    if (index !== undefined && (index < 0 || index >= count)) {
      throw new CniError(
        ErrorCode.Internal,
        `Address ${address} has the interface index ${index}, but the result has ${count} interfaces`,
      );
    }
  }
}

function refuseOwnNetns(io: PluginIo, netns: string): void {
  const override = io.env.CNI_NETNS_OVERRIDE;
  const isAllowed = override !== undefined && /^(1|true)$/i.test(override);
  if (netns === '' || isAllowed || !io.sameNetns?.(netns)) {
    return;
  }
  throw new CniError(
    ErrorCode.InvalidNetNS,
    `CNI_NETNS ${JSON.stringify(netns)} is the network namespace of the plugin itself`,
    'Set CNI_NETNS_OVERRIDE=1 to allow that',
  );
}

function readStdin(io: PluginIo): string {
  if (typeof io.stdin === 'string') {
    return io.stdin;
  }
  try {
    return io.stdin();
  } catch (thrown) {
    throw new CniError(ErrorCode.IOFailure, `Cannot read stdin: ${toCniError(thrown).message}`, '', {
      cause: thrown,
    });
  }
}

/** Returns the version of the caller, which VERSION must repeat. Ignores anything else on stdin. */
function requestedVersion(io: PluginIo): string | undefined {
  try {
    const version = (JSON.parse(readStdin(io)) as { cniVersion?: unknown } | null)?.cniVersion;
    return typeof version === 'string' && version !== '' ? version : undefined;
  } catch {
    return undefined;
  }
}

function isOneOf(versions: readonly Version[], version: string): version is Version {
  return (versions as readonly string[]).includes(version);
}

function print(document: object): string {
  return `${JSON.stringify(document)}\n`;
}
