/** `cnikit-agent plan` and `cnikit-agent apply --once`: one look at the API, then at the node. */
import { join } from 'node:path';
import { readText } from '../apply/files.ts';
import { withNoted } from '../apply/sysctls.ts';
import type { Config } from '../config/config.ts';
import { type Action, describe } from '../core/action.ts';
import { CONFLIST_NAME } from '../core/names.ts';
import type { Problem } from '../core/problem.ts';
import { Claims } from '../desired/claims.ts';
import { desiredHost, ownProblem, problemsOf } from '../desired/desired-host.ts';
import { loadKubeConfig } from '../kube/api.ts';
import { listNodes } from '../observe/list-nodes.ts';
import { Agent } from '../reconcile/agent.ts';
import { Host } from '../reconcile/host-reconciler.ts';
import { Routes } from '../reconcile/route-reconciler.ts';
import { agentParts, openLog } from './wire.ts';

/** How long to wait for the API server. */
const TIMEOUT_MS = 30_000;

export interface Output {
  out: (text: string) => void;
  err: (text: string) => void;
}

/** Exit status 3 when something differs: a plan is also a check. */
const DIFFERS = 3;

/** Prints the difference and changes nothing. Returns the exit status. */
export async function plan(config: Config, env: NodeJS.ProcessEnv, { out, err }: Output): Promise<number> {
  const parts = agentParts(config, openLog({ ...config, logLevel: 'silent' }, 2));
  try {
    const claims = new Claims();
    for (const node of await listNodes(await loadKubeConfig(config, env), TIMEOUT_MS)) {
      claims.set(node);
    }
    const routes = new Routes(claims, parts.kernel, config);
    routes.load();
    const own = claims.get(config.nodeName);
    const planned = own === undefined ? { actions: [], problems: [] } : routes.plan();
    const made = new Host(parts);
    const circumstances = {
      tunnelled: routes.tunnelled,
      sets: made.usesSets,
      randomPorts: made.randomPorts,
      ...(parts.chain === undefined ? {} : { chain: parts.chain() }),
    };
    const { sysctls = [] } = desiredHost(claims, config, routes.facts!, circumstances) ?? {};
    const conflist = readText(join(config.cniConfDir, CONFLIST_NAME));
    const hostSysctls = withNoted(sysctls, made.leftToPlugin(sysctls), conflist);
    const host = desiredHost(claims, config, routes.facts!, { ...circumstances, hostSysctls });
    const actions: Action[] = [...planned.actions, ...(host === undefined ? [] : made.plan(host))];
    for (const action of actions) {
      out(`${describe(action)}\n`);
    }
    const problems: Problem[] = [
      ...ownProblem(own, config.nodeName),
      ...[...claims.nodes()].flatMap((node) => problemsOf(node, config.nodeName)),
      ...planned.problems,
      ...(host?.problems ?? []),
      ...made.fileProblems(),
    ];
    for (const { message } of problems) {
      err(`! ${message}\n`);
    }
    out(actions.length === 0 ? 'Nothing to change\n' : `${actions.length} to change\n`);
    return actions.length === 0 ? 0 : DIFFERS;
  } finally {
    parts.kernel.close();
  }
}

/** Does once what `run` keeps doing. Returns the exit status: 1 when something stands in the way of this node. */
export async function applyOnce(config: Config, env: NodeJS.ProcessEnv): Promise<number> {
  const parts = agentParts(config, openLog(config, 1));
  const nodes = await listNodes(await loadKubeConfig(config, env), TIMEOUT_MS);
  const agent = new Agent(parts, config);
  agent.setNodes(nodes);
  agent.close();
  parts.kernel.close();
  return agent.ready ? 0 : 1;
}
