/** Facts about the state that the agent maintains: the changes that `run` would make. */

import { families } from '@cnikit/ip';
import type { Rules } from '../../apply/rules.ts';
import { readSysctls } from '../../apply/sysctls.ts';
import { describe, type SysctlAction } from '../../core/action.ts';
import type { DesiredHost } from '../../desired/desired-host.ts';
import { diffSysctls } from '../../reconcile/diff.ts';
import type { HostReconciler } from '../../reconcile/host-reconciler.ts';
import type { NodePlan } from '../../reconcile/node-plan.ts';
import type { DoctorFacts, RuleFacts } from './facts.ts';

type StateFacts = Pick<
  DoctorFacts,
  'own' | 'desired' | 'routes' | 'sysctls' | 'rules' | 'filterProblems' | 'randomPorts'
>;

export function stateFacts(plan: NodePlan, rules: Rules): StateFacts {
  const { own, host, desired, actions, problems, wanted } = plan;
  return {
    own,
    desired,
    routes: { changes: actions, problems, wanted },
    sysctls: desired === undefined ? [] : sysctlChanges(plan, desired),
    rules: desired === undefined ? [] : ruleFacts(host, desired, rules),
    filterProblems: desired === undefined ? [] : host.backendProblems(desired),
    randomPorts: host.randomPorts,
  };
}

/** Includes the settings left to the plugin only if it has attached pods, since it sets them then. */
function sysctlChanges({ host, hasPods }: NodePlan, { sysctls }: DesiredHost): SysctlAction[] {
  return hasPods ? diffSysctls(sysctls, readSysctls(sysctls)) : host.planSysctls(sysctls);
}

function ruleFacts(host: HostReconciler, desired: DesiredHost, rules: Rules): RuleFacts[] {
  const iptables = families.map((family): RuleFacts => {
    try {
      const changes = host.planRules(family, desired).map(describe);
      const { name, accept } = desired.backend;
      return name === 'iptables' || accept.includes(family)
        ? { family, changes, backend: rules.report(family) }
        : { family, changes };
    } catch (error) {
      return { family, changes: [], error: (error as Error).message };
    }
  });
  return [...iptables, { family: 'inet', changes: host.planTable(desired).map(describe) }];
}
