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
}

export interface Check {
  /** One word; stable, because scripts depend on it. */
  name: string;
  /** Describes the healthy state, as a whole sentence. */
  good: (facts: DoctorFacts) => string;
  find: (facts: DoctorFacts) => Finding[];
}

export const failure = (message: string, fix: string): Finding => ({ level: 'failure', message, fix });
export const warning = (message: string, fix: string): Finding => ({ level: 'warning', message, fix });

/** Fix for a difference that a running agent repairs: it persists only while no agent runs or the agent fails. */
export const AGENT_REPAIRS =
  'A running agent repairs this within a minute. If it does not, check its log or run `cnikit-agent apply --once`.';

/** Fix for a running pod that lacks what the plugin made for it. */
export const podRepairs = ({ plugin }: Pick<DoctorFacts, 'plugin'>): string =>
  `A running agent repairs this within a minute. If it does not, check its log or run \`${plugin.path} restore\` on the node.`;

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
