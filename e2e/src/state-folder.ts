/** Folder of the cluster's programs and state. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Folders that are different in each machine of the cluster, so what all machines share cannot lie below them. */
const PER_MACHINE = ['/etc', '/opt', '/var', '/usr', '/root', '/run', '/proc', '/sys', '/dev'];

/**
 * Returns the folder for programs, images and the running cluster: CNIKIT_E2E_STATE, or `.cache/e2e` of the
 * repository, or a folder in `temporary` when the repository lies below one of {@link PER_MACHINE}.
 *
 * @throws {Error} when neither can be used
 */
export function stateFolder(repository: string, temporary: string, env: NodeJS.ProcessEnv): string {
  const given = env.CNIKIT_E2E_STATE;
  if (given !== undefined) {
    const above = perMachineParent(resolve(given));
    if (above !== undefined) {
      throw new Error(
        `CNIKIT_E2E_STATE is ${JSON.stringify(given)}, but must not lie below ${above}: each node has its own ${above}.`,
      );
    }
    return resolve(given);
  }
  const clone = createHash('sha256').update(repository).digest('hex').slice(0, 8);
  const folders = [join(repository, '.cache/e2e'), join(temporary, `cnikit-e2e-${clone}`)];
  const usable = folders.find((folder) => perMachineParent(folder) === undefined);
  if (usable === undefined) {
    throw new Error(
      `Neither ${folders.join(' nor ')} can hold the cluster: each node has its own ${PER_MACHINE.join(', ')}. Set CNIKIT_E2E_STATE to a folder elsewhere.`,
    );
  }
  return usable;
}

function perMachineParent(folder: string): string | undefined {
  return PER_MACHINE.find((above) => `${folder}/`.startsWith(`${above}/`));
}

const lastFile = (repository: string): string => join(repository, '.cache/e2e/last-state');

/** Records the state folder of a run, for `down`. */
export function recordState(repository: string, state: string): void {
  mkdirSync(dirname(lastFile(repository)), { recursive: true });
  writeFileSync(lastFile(repository), state);
}

/** The state folder of the last run, if one is recorded. */
export function lastState(repository: string): string | undefined {
  const file = lastFile(repository);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}
