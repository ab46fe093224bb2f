/** `cnikit-agent doctor`: reports the problems of this node's pod network and how to fix them. */
import type { Config } from '../config/config.ts';
import { diagnose, exitStatus } from '../diagnose/doctor/diagnose.ts';
import { gather } from '../diagnose/doctor/gather.ts';
import { textOf } from './doctor-text.ts';
import { withInstalledLayout } from './installed-layout.ts';
import type { Output } from './plan.ts';
import { planDeps } from './wire.ts';

/** Prints the results and changes nothing. Returns the exit status, see `exitStatus`. */
export async function doctor(given: Config, env: NodeJS.ProcessEnv, { out }: Output): Promise<number> {
  const config = withInstalledLayout(given);
  const deps = planDeps(config, env);
  try {
    const results = diagnose(await gather(config, env, deps));
    out(config.json ? `${JSON.stringify({ node: config.nodeName, results }, null, 2)}\n` : textOf(results));
    return exitStatus(results);
  } finally {
    deps.kernel.close();
  }
}
