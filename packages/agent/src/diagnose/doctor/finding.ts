/** The result of a check. */
import type { Problem } from '../../core/problem.ts';
import type { DoctorFacts } from './facts.ts';

export interface Finding {
  /** Failure: pods are affected now. Warning: they may be, later. */
  level: 'failure' | 'warning';
  /** A whole sentence. */
  message: string;
  /** The remedy, in whole sentences. */
  fix: string;
  /** Name of the check whose finding is the cause of this one: its remedy is enough. */
  followsFrom?: string;
}

export interface Check {
  /** One word; stable, because scripts depend on it. */
  name: string;
  /** Describes the healthy state, as a whole sentence. */
  good: (facts: DoctorFacts) => string;
  /** Returns why the check cannot judge these facts, as a whole sentence; undefined when it can. */
  skips?: (facts: DoctorFacts) => string | undefined;
  find: (facts: DoctorFacts) => Finding[];
}

export const failure = (message: string, fix: string): Finding => ({ level: 'failure', message, fix });
export const warning = (message: string, fix: string): Finding => ({ level: 'warning', message, fix });

/** Fix for a difference that a running agent repairs: it persists only while no agent runs or the agent fails. */
export const AGENT_REPAIRS =
  'A running agent repairs this within a minute. If it does not, check its log or run `cnikit-agent apply --once`.';

/** Fixes for files that only an agent writes. */
export const AGENT_WRITES_READINESS = 'Start the agent: it writes the file when the data path is programmed.';
export const AGENT_SAVES_NODES = 'Start the agent: it saves the nodes.';
/** Fix for a missing plugin that an agent links. */
export const AGENT_LINKS =
  'Let the agent link it (--plugin-links loopback, the default), or install the CNI plugins package of your distribution.';

/** Fixes for the enforcement of NetworkPolicies. */
export const AGENT_ENFORCES =
  'The agent makes it once it has listed Pods, Namespaces and NetworkPolicies. Check that it runs with --network-policy, and look at its log.';
export const AGENT_OPENS =
  'The agent opens it once it knows the Pod from the API server and the address from the plugin or from status.podIPs. Check that the Pod exists there, and look at the log of the agent. Else recreate the pod.';

/** Fix for a running pod that lacks what the plugin made for it. */
export const podRepairs = ({ plugin }: Pick<DoctorFacts, 'plugin'>): string =>
  `A running agent repairs this within a minute. If it does not, check its log or run \`${plugin.path} restore\` on the node.`;

/** Returns whether a running agent is the whole remedy of a finding. */
export const isAgentsWork = ({ fix }: Finding, facts: DoctorFacts): boolean =>
  AGENTS_WORK.has(fix) || fix === podRepairs(facts);

const AGENTS_WORK: ReadonlySet<string> = new Set([
  AGENT_REPAIRS,
  AGENT_WRITES_READINESS,
  AGENT_SAVES_NODES,
  AGENT_LINKS,
  AGENT_ENFORCES,
  AGENT_OPENS,
]);

/** Turns a problem of the agent into a finding. */
export const findingOf = ({ severity, message, fix = AGENT_REPAIRS }: Problem): Finding => ({
  level: severity,
  message: `${message}.`,
  fix,
});

/** Returns the name of a pod's link, with the pod if it is known. */
export function describeLink(podBehind: DoctorFacts['podBehind'], link: string): string {
  const pod = podBehind?.(link);
  return pod === undefined ? link : `${link} (pod ${pod})`;
}
