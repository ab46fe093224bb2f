/** Facts about the state that the agent maintains: the changes that `run` would make. */

import { type Family, families } from '@cnikit/ip';
import type { Rules } from '../../apply/rules.ts';
import { readSysctls } from '../../apply/sysctls.ts';
import { describe, type SysctlAction } from '../../core/action.ts';
import type { DesiredHost } from '../../desired/desired-host.ts';
import { diffSysctls } from '../../reconcile/diff.ts';
import type { HostReconciler } from '../../reconcile/host-reconciler.ts';
import type { NodePlan } from '../../reconcile/node-plan.ts';
import type { DoctorFacts, RuleFacts } from './facts.ts';

type StateFacts = Pick<DoctorFacts, 'own' | 'desired' | 'routes' | 'sysctls' | 'rules' | 'randomPorts'>;

export function stateFacts(plan: NodePlan, rules: Rules): StateFacts {
  const { own, host, desired, actions, problems, wanted } = plan;
  return {
    own,
    desired,
    routes: { changes: actions, problems, wanted },
    sysctls: desired === undefined ? [] : sysctlChanges(plan, desired),
    rules: families.flatMap((family) => (desired ? [rulesOf(family, host, desired, rules)] : [])),
    randomPorts: host.randomPorts,
  };
}

/** Includes the settings left to the plugin only if it has attached pods, since it sets them then. */
function sysctlChanges({ host, hasPods }: NodePlan, { sysctls }: DesiredHost): SysctlAction[] {
  return hasPods ? diffSysctls(sysctls, readSysctls(sysctls)) : host.planSysctls(sysctls);
}

function rulesOf(family: Family, host: HostReconciler, desired: DesiredHost, rules: Rules): RuleFacts {
  try {
    const changes = host.planRules(family, desired).map(describe);
    return { family, changes, backend: rules.report(family) };
  } catch (error) {
    return { family, changes: [], error: (error as Error).message };
  }
}
