/**
 * Running a plugin executable, for a runtime or a plugin that delegates. Each starts the process in its own
 * way; input and output are the same.
 */
import type { Env } from './env.ts';
import { CniError, ErrorCode } from './error.ts';
import { errorDocumentKeys, isErrorDocument } from './guards.ts';
import { isPluginType } from './identifiers.ts';
import { normaliseKeys } from './keys.ts';

/** One execution of a plugin. */
export interface ExecRequest {
  /** Path of the executable. */
  file: string;
  /** The complete environment. */
  env: Record<string, string>;
  stdin: string;
}

/** Result of an execution. */
export interface ExecOutcome {
  /** Not 0 for a process that a signal has killed. */
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** The error of a plugin executable. */
export class PluginError extends CniError {
  /** The `type` of the plugin. */
  readonly plugin: string;
  /** The operation. */
  readonly command: string;
  /** Its stderr: logs. */
  readonly stderr: string;

  constructor(error: CniError, about: { plugin: string; command: string; stderr?: string }) {
    super(error.code, error.message, error.details, { cause: error.cause });
    this.plugin = about.plugin;
    this.command = about.command;
    this.stderr = about.stderr ?? '';
  }
}

/**
 * Returns the path of a plugin's executable: the first regular file of that name in the folders, executable
 * or not, as in libcni.
 *
 * @throws {CniError} 7 when the type is not a file name or no file exists
 */
export function findPlugin(
  type: string,
  folders: readonly string[],
  isFile: (path: string) => boolean,
): string {
  if (!isPluginType(type)) {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      `Invalid plugin type ${JSON.stringify(type)}: expected a file name`,
    );
  }
  for (const folder of folders) {
    const path = folder.endsWith('/') ? `${folder}${type}` : `${folder}/${type}`;
    if (isFile(path)) {
      return path;
    }
  }
  throw new CniError(
    ErrorCode.InvalidNetworkConfig,
    `Failed to find plugin ${JSON.stringify(type)} in path [${folders.join(' ')}]`,
    'Install the plugin there, or add its folder to CNI_PATH',
  );
}

/** Returns an environment with the variables of one operation. */
export function execEnv(base: Env, variables: Readonly<Record<string, string>>): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...base, ...variables })) {
    if (value !== undefined) {
      env[name] = value;
    }
  }
  return env;
}

/**
 * Checks the exit code of a plugin.
 *
 * @throws {PluginError} with the plugin's error document, or else with its stdout or stderr
 */
export function checkOutcome(outcome: ExecOutcome, about: { plugin: string; command: string }): void {
  if (outcome.exitCode === 0) {
    return;
  }
  const error = readError(outcome.stdout) ?? unreadableError(outcome, about.plugin);
  throw new PluginError(error, { ...about, stderr: outcome.stderr });
}

function readError(stdout: string): CniError | undefined {
  try {
    const document = normaliseKeys(JSON.parse(stdout), errorDocumentKeys);
    if (isErrorDocument(document)) {
      return new CniError(document.code, document.msg ?? '', document.details);
    }
  } catch {
    // Not JSON, which the caller reports.
  }
  return undefined;
}

function unreadableError({ exitCode, stdout, stderr }: ExecOutcome, plugin: string): CniError {
  const output = stdout.trim() === '' ? stderr.trim() : stdout.trim();
  const what = `Plugin ${plugin} failed with exit code ${exitCode}`;
  if (output === '') {
    return new CniError(ErrorCode.Internal, `${what} without output`);
  }
  return new CniError(ErrorCode.Internal, `${what} without a valid CNI error: ${output.slice(0, 1000)}`);
}

/**
 * Parses the result that a plugin has printed for ADD. A result without cniVersion gets that of the
 * configuration.
 *
 * @throws {CniError} 6 when stdout is not exactly one JSON object
 */
export function readResult(stdout: string, configVersion: string, plugin: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(stdout);
  } catch (cause) {
    const problem = stdout.trim() === '' ? 'no result' : 'a result that is not one JSON document';
    throw new CniError(ErrorCode.DecodingFailure, `Plugin ${plugin} printed ${problem}`, '', { cause });
  }
  const normal = normaliseKeys(document, { cniVersion: null });
  if (typeof normal !== 'object' || normal === null || Array.isArray(normal)) {
    throw new CniError(
      ErrorCode.DecodingFailure,
      `Plugin ${plugin} printed a result that is not a JSON object`,
    );
  }
  const result = normal as Record<string, unknown>;
  return result.cniVersion ? result : { ...result, cniVersion: configVersion };
}
