import type { Env } from '../env.ts';
import type { ExecOutcome, ExecRequest } from '../exec.ts';

/** Side effects of a runtime; `@cnikit/cni-spec/runtime/node` implements them for Node. */
export interface RuntimeIo {
  /** Environment of the runtime, which plugins get too. */
  env: Env;
  /**
   * Runs an executable until it has exited and closed its output. After `timeoutMs`, kills it with all its
   * children and rejects.
   */
  exec(request: ExecRequest & { timeoutMs?: number }): Promise<ExecOutcome>;
  /** Returns true for a regular file. Follows links. */
  isFile(path: string): boolean;
  /** Returns the content of a file, or `undefined` if it does not exist. */
  readText(path: string): string | undefined;
  /** Returns the names in a folder, or `undefined` if it does not exist. */
  readdir(path: string): string[] | undefined;
  /** Writes a file atomically with mode 0600. Creates missing folders with mode 0700. */
  writeText(path: string, text: string): void;
  /** Removes a file, if it exists. */
  remove(path: string): void;
}
