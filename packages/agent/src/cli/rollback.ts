/** `cnikit-agent rollback`: restores the previous plugin and CNI configuration. */
import { rollBack, undoRollBack } from '../apply/rollback.ts';
import type { Config } from '../config/config.ts';
import { describe } from '../core/action.ts';
import type { Output } from './plan.ts';

/**
 * Returns the exit status.
 *
 * @throws {AgentError} when there is no previous version
 */
export function rollback({ cniBinDir: binDir, cniConfDir: confDir, undo }: Config, { out }: Output): number {
  if (undo) {
    const held = undoRollBack({ binDir, confDir });
    out(
      held.length === 0 ? 'No rollback to undo\n' : `The agent will reinstall its own: ${held.join(', ')}\n`,
    );
    return 0;
  }
  for (const action of rollBack({ binDir, confDir })) {
    out(`${describe(action)}\n`);
  }
  out('The agent keeps these until its next upgrade, or until `cnikit-agent rollback --undo`\n');
  return 0;
}
