/** What a check says. */
import type { Problem } from '../../core/problem.ts';
import type { DoctorFacts } from './facts.ts';

export interface Finding {
  /** A failure: pods lack something now. A warning: they will, or might. */
  level: 'failure' | 'warning';
  /** A sentence. */
  message: string;
  /** What to do about it, in sentences. */
  fix: string;
}

export interface Check {
  /** One word, stable: scripts may depend on it. */
  name: string;
  /** What is so when nothing was found, as a sentence. */
  good: (facts: DoctorFacts) => string;
  find: (facts: DoctorFacts) => Finding[];
}

export const failure = (message: string, fix: string): Finding => ({ level: 'failure', message, fix });
export const warning = (message: string, fix: string): Finding => ({ level: 'warning', message, fix });

/** Said of what the agent mends by itself, so that it only shows while no agent runs or one is hindered. */
export const AGENT_MENDS =
  'The agent mends this within a minute when it runs here: look at its log, or mend it once by `cnikit-agent apply --once`.';

/** The finding that a problem of the agent amounts to. */
export const findingOf = ({ severity, message, fix = AGENT_MENDS }: Problem): Finding => ({
  level: severity,
  message: `${message}.`,
  fix,
});
