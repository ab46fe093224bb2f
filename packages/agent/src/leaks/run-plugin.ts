import { execFile } from 'node:child_process';

const TIMEOUT_MS = 30_000;

/** A plugin to run. */
export interface PluginProgram {
  /** Path of its executable. */
  plugin: string;
  /** PATH for the programs that it runs itself, such as iptables. */
  searchPath: string | undefined;
}

/**
 * Runs a CNI plugin with a configuration. `more` are variables besides CNI_PATH and PATH.
 *
 * @throws {Error} with the plugin's message when it fails
 */
export function runPlugin(
  { plugin, searchPath = '' }: PluginProgram,
  more: NodeJS.ProcessEnv,
  configuration: object,
): Promise<void> {
  const env = { CNI_PATH: plugin.slice(0, plugin.lastIndexOf('/')), PATH: searchPath, ...more };
  return new Promise((resolve, reject) => {
    const child = execFile(plugin, [], { env, timeout: TIMEOUT_MS }, (error, stdout) =>
      error === null ? resolve() : reject(new Error(reason(stdout) ?? error.message)),
    );
    // A plugin that exits before it reads its input reports the reason itself.
    child.stdin!.on('error', () => undefined).end(JSON.stringify(configuration));
  });
}

/** Returns the message of a CNI error; undefined for other output. */
function reason(stdout: string): string | undefined {
  try {
    return (JSON.parse(stdout) as { msg: string }).msg;
  } catch {
    return undefined;
  }
}
