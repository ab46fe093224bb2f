/** Everything of a node but its routes, kept: sysctls, rules, executable and CNI configuration. */
import type { Cni } from './apply/cni.ts';
import type { DesiredRules, Rules } from './apply/rules.ts';
import { readSysctls, writeSysctls } from './apply/sysctls.ts';
import type { DesiredHost } from './desired/index.ts';
import { type Action, diffSysctls } from './diff.ts';
import type { Problem } from './model.ts';

export interface HostParts {
  rules: Rules;
  cni: Cni;
  /** /proc/sys, or a stand-in. */
  sysctlRoot?: string;
}

export interface HostOutcome {
  done: Action[];
  problems: Problem[];
  /** False when it has to be tried again. */
  ok: boolean;
}

export class Host {
  readonly #parts: HostParts;
  /** The rules last applied, as text: equal ones are not read again for a node event. */
  #rules = '';

  constructor(parts: HostParts) {
    this.#parts = parts;
  }

  /** What the methods below would do. */
  plan(desired: DesiredHost): Action[] {
    const sysctls = diffSysctls(desired.sysctls, readSysctls(desired.sysctls, this.#parts.sysctlRoot));
    return [...sysctls, ...this.#parts.rules.plan(desired.rules), ...this.#parts.cni.plan(desired.conflist)];
  }

  sysctls(desired: DesiredHost): HostOutcome {
    const { sysctlRoot } = this.#parts;
    const actions = diffSysctls(desired.sysctls, readSysctls(desired.sysctls, sysctlRoot));
    const problems = writeSysctls(actions, sysctlRoot);
    const failed = new Set(problems.map(({ key }) => key));
    // Not being allowed to write below /proc/sys is the rule in a container, so it stops nothing.
    return { done: actions.filter(({ key }) => !failed.has(`sysctl ${key}`)), problems, ok: true };
  }

  /** True when the rules differ from those applied last. */
  rulesDiffer(rules: DesiredRules): boolean {
    return JSON.stringify(rules) !== this.#rules;
  }

  rules(desired: DesiredRules): HostOutcome {
    return attempt('rules', 'The packet filter rules could not be made', () => {
      const done = this.#parts.rules.apply(desired);
      this.#rules = JSON.stringify(desired);
      return { done, problems: [] };
    });
  }

  /** The executable, and the conflist unless it is held back. */
  cni(conflist: string | undefined): HostOutcome {
    return attempt('cni', 'The CNI files could not be installed', () => ({
      done: this.#parts.cni.apply(conflist),
      problems: this.#parts.cni.problems(),
    }));
  }
}

function attempt(
  key: string,
  what: string,
  body: () => { done: Action[]; problems: Problem[] },
): HostOutcome {
  try {
    return { ...body(), ok: true };
  } catch (error) {
    return { done: [], problems: [{ key, message: `${what}: ${(error as Error).message}` }], ok: false };
  }
}
