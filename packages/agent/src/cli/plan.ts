/** `cnikit-agent plan` and `cnikit-agent apply`: read the API once, then the node. */
import { openRtnetlink } from '@cnikit/netlink';
import type { Config } from '../config/config.ts';
import { type Action, describe } from '../core/action.ts';
import { DEFAULT_LAYOUT } from '../core/model.ts';
import type { Problem } from '../core/problem.ts';
import { ownProblem, problemsOf } from '../desired/desired-host.ts';
import { NodeIndex } from '../desired/node-index.ts';
import { loadKubeConfig } from '../kube/api.ts';
import { listNodes } from '../observe/list-nodes.ts';
import { Agent } from '../reconcile/agent.ts';
import { planNode } from '../reconcile/node-plan.ts';
import { withInstalledLayout } from './installed-layout.ts';
import { layoutLeftovers } from './layout-leftovers.ts';
import { agentDeps, openLog, planDeps } from './wire.ts';

/** Time limit for the API server. */
const TIMEOUT_MS = 30_000;

export interface Output {
  out: (text: string) => void;
  err: (text: string) => void;
}

/** Exit status when there is something to change, so that scripts can use plan as a check. */
const DIFFERS = 3;

/** Prints the differences and changes nothing. Returns the exit status. */
export async function plan(given: Config, env: NodeJS.ProcessEnv, { out, err }: Output): Promise<number> {
  const config = withInstalledLayout(given);
  const deps = planDeps(config, env);
  try {
    const claims = new NodeIndex();
    for (const node of await listNodes(await loadKubeConfig(config, env), TIMEOUT_MS)) {
      claims.set(node);
    }
    const { own, host, desired, ...routes } = planNode(claims, config, deps);
    const actions: Action[] = [...routes.actions, ...(desired === undefined ? [] : host.plan(desired))];
    using rt = openRtnetlink();
    const lines = [
      ...actions.map(describe),
      ...layoutLeftovers(rt, config.layout ?? DEFAULT_LAYOUT, own?.podCIDRs ?? []).map(({ line }) => line),
    ];
    for (const line of lines) {
      out(`${line}\n`);
    }
    const problems: Problem[] = [
      ...ownProblem(own, config.nodeName),
      ...[...claims.nodes()].flatMap((node) => problemsOf(node, config.nodeName)),
      ...routes.problems,
      ...(desired === undefined ? [] : [...desired.problems, ...host.backendProblems(desired)]),
      ...host.fileProblems(),
    ];
    for (const { message } of problems) {
      err(`! ${message}\n`);
    }
    out(
      lines.length === 0
        ? 'Nothing to change\n'
        : `${lines.length} ${lines.length === 1 ? 'change' : 'changes'}\n`,
    );
    return lines.length === 0 ? 0 : DIFFERS;
  } finally {
    deps.kernel.close();
  }
}

/** Applies the changes once. Returns the exit status: 1 when the data path is not programmed. */
export async function applyOnce(config: Config, env: NodeJS.ProcessEnv): Promise<number> {
  const deps = agentDeps(config, env, openLog(config, 1));
  const nodes = await listNodes(await loadKubeConfig(config, env), TIMEOUT_MS);
  const agent = new Agent(deps, config);
  agent.setNodes(nodes);
  agent.close();
  deps.kernel.close();
  return agent.ready ? 0 : 1;
}
