/** `cnikit-agent rollback`: the plugin and the CNI configuration that were there before. */
import { rollBack, undoRollBack } from '../apply/rollback.ts';
import type { Config } from '../config/config.ts';
import { describe } from '../core/action.ts';
import type { Output } from './plan.ts';

/** Returns the exit status. Throws AgentError when there is nothing to go back to. */
export function rollback({ cniBinDir: binDir, cniConfDir: confDir, undo }: Config, { out }: Output): number {
  if (undo) {
    const held = undoRollBack({ binDir, confDir });
    out(held.length === 0 ? 'Nothing is held\n' : `The agent installs its own again: ${held.join(', ')}\n`);
    return 0;
  }
  for (const action of rollBack({ binDir, confDir })) {
    out(`${describe(action)}\n`);
  }
  out('The agent leaves these alone until it is another version, or until `cnikit-agent rollback --undo`\n');
  return 0;
}
