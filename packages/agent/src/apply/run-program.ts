/** Runs programs without a copy of the agent's page tables, which spawnSync() makes for each. */
import type { RunResult } from '@cnikit/iptables';
import { sys } from '@cnikit/sys';

/**
 * Runs a program to its end, with `input` on its standard input.
 *
 * @throws {SysError} `ENOENT` or `EACCES` when it cannot be started
 */
export function runProgram(argv: readonly string[], input = ''): RunResult {
  const { status, signal, stdout, stderr } = sys.run(argv, { input });
  return {
    status,
    stdout,
    stderr: signal === 0 ? stderr : `${argv[0]} was killed by signal ${signal}\n${stderr}`,
  };
}
