/**
 * A file that `cnikit restore` replaces after it restored something. A DEL that ran beside it sees the change and deletes
 * again: the restore may have added the pod's rules after DEL removed them, and seen its link before DEL deleted it.
 */
import type { PluginIo, PluginOutput } from '@cnikit/cni-spec';
import { ignoreErrno, type Sys } from '@cnikit/sys';

const DIR = '/run/cnikit';
const STAMP = `${DIR}/restored`;

/** Replaces the file. Call it after rules were restored and before the last look at the pod's link. */
export function stampRestore(sys: Sys): void {
  ignoreErrno(['EEXIST'], () => sys.mkdir(DIR, 0o755));
  const part = `${STAMP}.${sys.getpid()}`;
  sys.writeText(part, '');
  sys.rename(part, STAMP);
}

/** Repeats a DEL beside which a restore ran. */
export function repeatedAfterRestore(
  sys: Sys,
  run: (io: PluginIo) => PluginOutput,
): (io: PluginIo) => PluginOutput {
  return (io) => {
    if (io.env.CNI_COMMAND !== 'DEL') {
      return run(io);
    }
    const before = stamp(sys);
    const output = run(io);
    return stamp(sys) === before ? output : run(io);
  };
}

function stamp(sys: Sys): string {
  const status = sys.statIfExists(STAMP);
  return status === undefined ? '' : `${status.ino} ${status.mtimeMs}`;
}
