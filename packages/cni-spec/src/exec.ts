/**
 * Running a plugin executable, seen from its caller: a runtime, or a plugin that delegates. Both bring their
 * own way to start a process; what goes in and what the output means is the same.
 */
import type { Env } from './env.ts';
import { CniError, ErrorCode } from './error.ts';
import { errorDocumentKeys, isErrorDocument } from './guards.ts';
import { isPluginType } from './identifiers.ts';
import { normaliseKeys } from './keys.ts';

/** One start of a plugin. */
export interface ExecRequest {
  /** Path of the executable. */
  file: string;
  /** The whole environment. */
  env: Record<string, string>;
  stdin: string;
}

/** How it ended. */
export interface ExecOutcome {
  /** Not 0 also for a process that a signal ended. */
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** A plugin executable failed: its code and words, and what else is known. */
export class PluginError extends CniError {
  /** The `type` of the plugin. */
  readonly plugin: string;
  /** The operation it was run for. */
  readonly command: string;
  /** What it wrote on stderr: logs. */
  readonly stderr: string;

  constructor(error: CniError, about: { plugin: string; command: string; stderr?: string }) {
    super(error.code, error.message, error.details, { cause: error.cause });
    this.plugin = about.plugin;
    this.command = about.command;
    this.stderr = about.stderr ?? '';
  }
}

/**
 * The path of a plugin's executable: the first regular file of that name in the folders, executable or not, as
 * the reference has it.
 *
 * @throws CniError 7 if the type is no file name or nothing is found.
 */
export function findPlugin(
  type: string,
  folders: readonly string[],
  isFile: (path: string) => boolean,
): string {
  if (!isPluginType(type)) {
    throw new CniError(
      ErrorCode.InvalidNetworkConfig,
      `Invalid plugin type ${JSON.stringify(type)}: it must be a file name`,
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
    'Install the plugin there or name another folder in CNI_PATH',
  );
}

/** An environment with the variables of one operation set over what is there. */
export function execEnv(base: Env, variables: Readonly<Record<string, string>>): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries({ ...base, ...variables })) {
    if (value !== undefined) {
      env[name] = value;
    }
  }
  return env;
}

/** Throws what a plugin that exited with non-zero said; stderr counts only where stdout is empty. */
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
    // Not JSON: the caller says so.
  }
  return undefined;
}

function unreadableError({ exitCode, stdout, stderr }: ExecOutcome, plugin: string): CniError {
  const said = stdout.trim() === '' ? stderr.trim() : stdout.trim();
  const what = `Plugin ${plugin} failed with exit code ${exitCode}`;
  if (said === '') {
    return new CniError(ErrorCode.Internal, `${what} and no error message`);
  }
  return new CniError(ErrorCode.Internal, `${what} and no error that can be read: ${said.slice(0, 1000)}`);
}

/**
 * The result document a plugin printed on ADD, its cniVersion filled in from the configuration if it has none.
 *
 * @throws CniError 6 if stdout is not exactly one JSON object.
 */
export function readResult(stdout: string, configVersion: string, plugin: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(stdout);
  } catch (cause) {
    const problem = stdout.trim() === '' ? 'nothing' : 'what is not one JSON document';
    throw new CniError(ErrorCode.DecodingFailure, `Plugin ${plugin} printed ${problem} for a result`, '', {
      cause,
    });
  }
  const normal = normaliseKeys(document, { cniVersion: null });
  if (typeof normal !== 'object' || normal === null || Array.isArray(normal)) {
    throw new CniError(
      ErrorCode.DecodingFailure,
      `Plugin ${plugin} printed what is not a JSON object for a result`,
    );
  }
  const result = normal as Record<string, unknown>;
  return result.cniVersion ? result : { ...result, cniVersion: configVersion };
}
