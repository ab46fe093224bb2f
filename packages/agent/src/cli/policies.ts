/** Starts the enforcement of NetworkPolicies, or removes the rules that an earlier start left. */
import type { KubeConfigLike } from '@cnikit/watch';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { KernelEvent } from '../core/kernel.ts';
import type { Metrics } from '../core/metrics.ts';
import { DEFAULT_LAYOUT } from '../core/model.ts';
import { POLICY_TABLE } from '../core/names.ts';
import { type Problem, problem } from '../core/problem.ts';
import { after } from '../core/timers.ts';
import { hasIpvs, type IpvsFacts, ipvsProblems, systemFacts } from '../policy/ipvs.ts';
import { layoutProblems } from '../policy/layout.ts';
import type { Policies } from '../policy/start.ts';
import type { Agent } from '../reconcile/agent.ts';
import { Contest } from '../reconcile/contest.ts';
import { removeTable } from './pod-cleanup.ts';
import { startPolicyGate } from './policy-gate.ts';

export interface PoliciesDeps {
  kubeConfig: KubeConfigLike;
  agent: Agent;
  metrics: Metrics;
  log: Logger;
  /** Called when the readiness of this node may have changed. */
  onChange: () => void;
  /** Facts of the kernel. Tests replace them. */
  ipvs?: IpvsFacts;
}

/** Enforcement that follows the kernel's links. */
export interface RunningPolicies extends Policies {
  onKernel(event: Pick<KernelEvent, 'type'>): void;
}

/** Returns undefined where NetworkPolicies are not enforced. */
export async function openPolicies(config: Config, deps: PoliciesDeps): Promise<RunningPolicies | undefined> {
  const { agent, ipvs = systemFacts, kubeConfig, log, metrics } = deps;
  if (!config.networkPolicy) {
    remove(log);
    return undefined;
  }
  // Loaded on demand: the schemas of policies take memory.
  const { startPolicies } = await import('../policy/start.ts');
  const contest = new Contest(`table ${POLICY_TABLE}`, after, (problems) =>
    agent.report('contested', problems, 'policy'),
  );
  const policies = startPolicies(kubeConfig, config.nodeName, {
    contest,
    rules: config.policySettings,
    report: (problems) => {
      agent.report('policy', problems, 'rules');
      deps.onChange();
    },
    metrics,
    log,
    after,
  });
  // Before the first list of the API has arrived, so that the pods of an earlier start are claimed by then.
  const gate = await startPolicyGate(config, policies.localPods, log);
  let cancel: () => void;
  const resync = (): void => {
    policies.setIpvs(hasIpvs(ipvs));
    policies.verify();
    agent.report(
      'policy',
      layoutProblems(config.layout ?? DEFAULT_LAYOUT, ownPodCIDRs(config, agent)),
      'layout',
    );
    agent.report('policy', ipvsProblems(ipvs), 'ipvs');
    agent.report('policy', gateProblems(gate.failure), 'gate');
    cancel = after(config.resyncMs, resync);
  };
  resync();
  return {
    ...policies,
    // kube-proxy loads ip_vs, and makes its link, before it adds the first Service.
    onKernel: ({ type }) => {
      if (type === 'link' || type === 'overflow') {
        policies.setIpvs(hasIpvs(ipvs));
      }
    },
    get programmed() {
      return policies.programmed;
    },
    close: () => {
      cancel();
      gate.close();
      contest.close();
      policies.close();
    },
  };
}

/** Returns the pod networks of this node; none while its Node is unknown. */
export const ownPodCIDRs = ({ nodeName }: Config, agent: Agent): readonly string[] =>
  [...agent.nodes()].find(({ name }) => name === nodeName)?.podCIDRs ?? [];

function remove(log: Logger): void {
  try {
    if (removeTable(POLICY_TABLE).length > 0) {
      log.info(`Removed table ${POLICY_TABLE}: NetworkPolicies are not enforced without --network-policy`);
    }
  } catch (error) {
    log.debug(`Cannot look for table ${POLICY_TABLE}: ${(error as Error).message}`);
  }
}

const gateProblems = (failure: string | undefined): Problem[] =>
  failure === undefined ? [] : [problem('policy-gate', '', failure)];
