import type { Env } from '../env.ts';
import type { ExecOutcome, ExecRequest } from '../exec.ts';

/** What a runtime needs of the world; `@cnikit/cni-spec/runtime/node` has it for Node. */
export interface RuntimeIo {
  /** The runtime's own environment: plugins get it too. */
  env: Env;
  /**
   * Runs an executable until it has ended and closed its output. After `timeoutMs` it is killed with all its
   * children, and the promise rejects.
   */
  exec(request: ExecRequest & { timeoutMs?: number }): Promise<ExecOutcome>;
  /** Whether the path is a regular file, links followed. */
  isFile(path: string): boolean;
  /** The whole file as text; undefined if there is none. */
  readText(path: string): string | undefined;
  /** The names in a folder; undefined if there is none. */
  readdir(path: string): string[] | undefined;
  /** Writes a file that appears at once and whole, mode 0600; missing folders are made with mode 0700. */
  writeText(path: string, text: string): void;
  /** Removes a file, if it is there. */
  remove(path: string): void;
}
