/** Runs the checks, causes before their consequences. */
import { agent } from './checks/agent.ts';
import { api } from './checks/api.ts';
import { configuration } from './checks/configuration.ts';
import { duplicates } from './checks/duplicates.ts';
import { leaks } from './checks/leaks.ts';
import { mtu } from './checks/mtu.ts';
import { neighbours } from './checks/neighbours.ts';
import { others } from './checks/others.ts';
import { ownNode } from './checks/own-node.ts';
import { plugin } from './checks/plugin.ts';
import { pods } from './checks/pods.ts';
import { policy } from './checks/policy.ts';
import { readiness } from './checks/readiness.ts';
import { routedPods } from './checks/routed-pods.ts';
import { routes } from './checks/routes.ts';
import { rules } from './checks/rules.ts';
import { sysctls } from './checks/sysctls.ts';
import type { DoctorFacts } from './facts.ts';
import { type Check, type Finding, isAgentsWork } from './finding.ts';

export const checks: readonly Check[] = [
  api,
  ownNode,
  agent,
  readiness,
  plugin,
  configuration,
  sysctls,
  routes,
  neighbours,
  mtu,
  rules,
  duplicates,
  leaks,
  pods,
  routedPods,
  policy,
  others,
];

/** Outcome of one check: either findings, or `good`, which describes the state without any. */
export interface Result {
  check: string;
  good?: string;
  /** The check could not judge; `good` explains it. */
  skipped?: true;
  findings: Finding[];
}

export function diagnose(facts: DoctorFacts): Result[] {
  return checks.map(({ name: check, good, skips, find }) => {
    const findings = find(facts).map((finding) => withCause(finding, facts));
    if (findings.length > 0) {
      return { check, findings };
    }
    const why = skips?.(facts);
    return why === undefined
      ? { check, good: good(facts), findings }
      : { check, good: why, skipped: true, findings };
  });
}

/** Without an agent, the finding of check `agent` is the cause of all that an agent repairs. */
const withCause = (finding: Finding, facts: DoctorFacts): Finding =>
  facts.agent === undefined && isAgentsWork(finding, facts)
    ? { ...finding, followsFrom: agent.name }
    : finding;

/** Returns 0 without findings, 3 with warnings only, 4 with a failure. 1 and 2 mean an error and wrong usage. */
export function exitStatus(results: readonly Result[]): 0 | 3 | 4 {
  const levels = new Set(results.flatMap(({ findings }) => findings.map(({ level }) => level)));
  return levels.has('failure') ? 4 : levels.has('warning') ? 3 : 0;
}
