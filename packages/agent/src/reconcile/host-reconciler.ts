/** Everything of a node but its routes, kept: sysctls, rules, executable and CNI configuration. */

import { type Family, families } from '@cnikit/ip';
import { IptablesError } from '@cnikit/iptables';
import type { Cni } from '../apply/cni-files.ts';
import type { DesiredRules, Rules } from '../apply/rules.ts';
import type { Sets } from '../apply/sets.ts';
import { procSys, readSysctls, type SysctlFiles, unwritableSysctls, writeSysctls } from '../apply/sysctls.ts';
import type { Action, SysctlAction } from '../core/action.ts';
import type { Sysctl } from '../core/model.ts';
import { type Problem, type ProblemKind, problem } from '../core/problem.ts';
import type { DesiredHost } from '../desired/desired-host.ts';
import { diffSysctls } from './diff.ts';

export interface HostDeps {
  rules: Rules;
  /** Absent where the kernel has none: then the rules name every destination. */
  sets?: Sets;
  /** False where the kernel cannot choose masqueraded ports at random. */
  randomPorts?: boolean;
  cni: Cni;
  /** Configurations that the container runtime prefers to ours; default: none. */
  configurationProblems?: () => Problem[];
  /** Default: /proc/sys. */
  sysctls?: SysctlFiles;
  /** Text of the installed conflist, for commands that look at the work of an agent; absent in the agent itself. */
  installedConflist?: () => string | undefined;
}

export interface HostOutcome {
  done: Action[];
  problems: Problem[];
  /** False when it has to be tried again. */
  ok: boolean;
  /** True when the same was to be the last time, so that somebody else changed what `done` puts right. */
  drift: boolean;
}

export class HostReconciler {
  readonly #deps: HostDeps;
  /** What was last made so, as text. */
  readonly #last: Record<'sysctls' | 'rules' | 'cni', string | undefined> = {
    sysctls: undefined,
    rules: undefined,
    cni: undefined,
  };

  /** Whether rules can match sets: as the rules in the kernel showed once, or the last restore. */
  #setsMatch: boolean | undefined;
  #tables: string | undefined;

  /** Sysctls that were to be set by the plugin after the last pass. */
  #left: ReadonlySet<string> = new Set();

  constructor(deps: HostDeps) {
    this.#deps = deps;
  }

  /** What the methods below would do. */
  plan(desired: DesiredHost): Action[] {
    const { sets, rules, cni } = this.#deps;
    return [
      ...this.planSysctls(desired.sysctls),
      ...families.flatMap((family) => sets?.plan(family, desired.inside[family]) ?? []),
      ...rules.plan(desired.rules),
      ...cni.plan(desired.conflist),
    ];
  }

  /** The settings that this process would change: neither those left to the plugin nor those it cannot write. */
  planSysctls(sysctls: readonly Sysctl[]): SysctlAction[] {
    const { sysctls: files = procSys() } = this.#deps;
    const left = this.leftToPlugin(sysctls);
    return diffSysctls(sysctls, readSysctls(sysctls, files)).filter(
      ({ key }) => left[key] === undefined && files.writable(key),
    );
  }

  /** The rules of a family and their set: what `rules` would do. */
  planRules(family: Family, { rules, inside }: Pick<DesiredHost, 'rules' | 'inside'>): Action[] {
    const { sets, rules: programs } = this.#deps;
    return [...(sets?.plan(family, inside[family]) ?? []), ...programs.planFamily(family, rules[family])];
  }

  /**
   * Sysctls that this process may not set and leaves to the plugin, by key. A process that may set more than the agent
   * does, such as `plan` outside its container, also leaves those to the plugin that the installed conflist does.
   */
  leftToPlugin(sysctls: readonly Sysctl[]): Record<string, string> {
    const { sysctls: files, installedConflist } = this.#deps;
    return unwritableSysctls(sysctls, readSysctls(sysctls, files), files, installedConflist?.());
  }

  /**
   * `pods` tells that the plugin has made some. Not being allowed to write below /proc/sys is the rule in a container:
   * it stops nothing, and is a problem only when the plugin had its turn.
   */
  sysctls({ sysctls }: DesiredHost, pods: boolean): HostOutcome {
    const { sysctls: files } = this.#deps;
    const actions = diffSysctls(sysctls, readSysctls(sysctls, files));
    const refused = writeSysctls(actions, files);
    const before = this.#left;
    this.#left = new Set(refused.keys());
    const problems = actions
      .filter(({ key }) => refused.has(key) && pods && before.has(key))
      .map((action) => notSet(action, refused.get(action.key)!));
    const done = actions.filter(({ key }) => !refused.has(key));
    return { done, problems, ok: true, drift: this.#again('sysctls', JSON.stringify(sysctls)) };
  }

  /** Whether masqueraded ports may be chosen at random. */
  get randomPorts(): boolean {
    return this.#deps.randomPorts ?? true;
  }

  /**
   * Whether rules may match sets. A kernel with ip_set may lack xt_set: this shows in the rules that it has. Where there
   * are none yet, sets are tried.
   */
  get usesSets(): boolean {
    if (this.#deps.sets === undefined) {
      return false;
    }
    this.#setsMatch ??= this.#observeSets() ?? true;
    return this.#setsMatch;
  }

  /**
   * The rules and the sets that they speak of. `fresh` looks at what the kernel has; else only what is to be other than
   * the last time is written.
   */
  rules({ rules, inside }: Pick<DesiredHost, 'rules' | 'inside'>, fresh: boolean): HostOutcome {
    return catchAsOutcome('rules', 'The packet filter rules could not be made', () => {
      const done: Action[] = [];
      const sets = (which: (elements: readonly string[] | undefined) => boolean): void => {
        for (const family of families) {
          if (which(inside[family])) {
            done.push(...(this.#deps.sets?.apply(family, inside[family], fresh) ?? []));
          }
        }
      };
      // A set is there before a rule speaks of it, and goes after.
      sets((elements) => elements !== undefined);
      const tables = JSON.stringify(rules);
      if (fresh || tables !== this.#tables) {
        done.push(...this.#tablesOf(rules));
      }
      this.#tables = tables;
      sets((elements) => elements === undefined);
      return { done, problems: [], drift: this.#again('rules', JSON.stringify([rules, inside])) };
    });
  }

  #observeSets(): boolean | undefined {
    try {
      return this.#deps.rules.matchSets();
    } catch (error) {
      if (error instanceof IptablesError) {
        return undefined;
      }
      throw error;
    }
  }

  #tablesOf(rules: DesiredRules): Action[] {
    try {
      return this.#deps.rules.apply(rules);
    } catch (error) {
      if (error instanceof IptablesError && error.code === 'RESTORE_FAILED' && this.usesSets) {
        this.#setsMatch = !/set\b/i.test(error.stderr ?? '');
      }
      throw error;
    }
  }

  /** The executable, and the conflist unless it is held back. */
  cni(conflist: string | undefined): HostOutcome {
    return catchAsOutcome('cni-files', 'The CNI files could not be installed', () => ({
      done: this.#deps.cni.apply(conflist),
      problems: this.fileProblems(),
      drift: this.#again('cni', conflist ?? ''),
    }));
  }

  /** Problems of the CNI files, as of the last plan or pass. */
  fileProblems(): Problem[] {
    const { cni, configurationProblems } = this.#deps;
    return [...(configurationProblems?.() ?? []), ...cni.problems()];
  }

  /** Notes what is so now; true when it was to be so before. */
  #again(area: 'sysctls' | 'rules' | 'cni', text: string): boolean {
    const same = this.#last[area] === text;
    this.#last[area] = text;
    return same;
  }
}

function notSet({ key, from, to, why }: SysctlAction, reason: string): Problem {
  return problem(
    'sysctl',
    key,
    `Sysctl ${key} is ${from} and not ${to}: ${why}. The agent may not set it (${reason}), and no pod that was made has changed it. Set it on the host: \`sysctl -w ${key.replaceAll('/', '.')}=${to}\``,
  );
}

function catchAsOutcome(kind: ProblemKind, what: string, body: () => Omit<HostOutcome, 'ok'>): HostOutcome {
  try {
    return { ...body(), ok: true };
  } catch (error) {
    const problems = [problem(kind, '', `${what}: ${(error as Error).message}`)];
    return { done: [], problems, ok: false, drift: false };
  }
}
