/** Reconciles everything on a node except its routes: sysctls, rules, executable and CNI configuration. */

import { type Family, families } from '@cnikit/ip';
import { IptablesError } from '@cnikit/iptables';
import type { Cni } from '../apply/cni-files.ts';
import type { NftFilter } from '../apply/nftables.ts';
import type { DesiredRules, Rules } from '../apply/rules.ts';
import type { Sets } from '../apply/sets.ts';
import { procSys, readSysctls, type SysctlFiles, unwritableSysctls, writeSysctls } from '../apply/sysctls.ts';
import type { Action, SysctlAction } from '../core/action.ts';
import type { Backend, FilterFacts, PacketFilterMode } from '../core/backend.ts';
import type { Sysctl } from '../core/model.ts';
import { type Problem, type ProblemKind, problem } from '../core/problem.ts';
import { sysctlName } from '../core/sysctl-name.ts';
import { backendProblems, chooseBackend } from '../desired/backend.ts';
import type { DesiredHost } from '../desired/desired-host.ts';
import { diffSysctls } from './diff.ts';

/** The nftables back end. */
export interface NftBackend {
  filter: NftFilter;
  /** Returns what decides between the back ends. `podCIDRs` are those of this node. */
  facts: (podCIDRs: readonly string[]) => FilterFacts;
  mode: PacketFilterMode;
}

/** The rules and sets of a {@link DesiredHost}. */
type DesiredFilter = Pick<DesiredHost, 'rules' | 'inside' | 'nftables' | 'backend'>;

export interface HostDeps {
  rules: Rules;
  /** Absent: iptables is the only back end. */
  nftables?: NftBackend | undefined;
  /** Absent on a kernel without sets, where rules name every destination. */
  sets?: Sets;
  /**
   * False if the kernel cannot choose masqueraded ports at random.
   *
   * @default true
   */
  randomPorts?: boolean;
  cni: Cni;
  /** Configurations that the container runtime prefers to ours; default: none. */
  configurationProblems?: () => Problem[];
  /** @default /proc/sys */
  sysctls?: SysctlFiles;
  /**
   * Reads the installed conflist, for commands that inspect the work of an agent; absent in the agent itself.
   */
  installedConflist?: () => string | undefined;
}

export interface HostOutcome {
  done: Action[];
  problems: Problem[];
  /** False: another pass must try again. */
  ok: boolean;
  /** True if the desired state is that of the last pass: then `done` repairs what another program changed. */
  drift: boolean;
}

export class HostReconciler {
  readonly #deps: HostDeps;
  /** Desired state of the last pass, as text. */
  readonly #last: Record<'sysctls' | 'rules' | 'cni', string | undefined> = {
    sysctls: undefined,
    rules: undefined,
    cni: undefined,
  };

  /** True when rules can match sets, as first observed in the kernel's rules, or as the last restore showed. */
  #setsMatch: boolean | undefined;
  #tables: string | undefined;
  #filterFacts: FilterFacts | undefined;

  /** Sysctls that the last pass left to the plugin. */
  #left: ReadonlySet<string> = new Set();

  constructor(deps: HostDeps) {
    this.#deps = deps;
  }

  /** Returns what the methods below would do. */
  plan(desired: DesiredHost): Action[] {
    const { sets, rules, cni } = this.#deps;
    return [
      ...this.planSysctls(desired.sysctls),
      ...this.planTable(desired),
      ...families.flatMap((family) => sets?.plan(family, desired.inside[family]) ?? []),
      ...rules.plan(desired.rules),
      ...cni.plan(desired.conflist),
    ];
  }

  /**
   * Returns the settings that this process would change: neither those left to the plugin nor those that it
   * cannot write.
   */
  planSysctls(sysctls: readonly Sysctl[]): SysctlAction[] {
    const { sysctls: files = procSys() } = this.#deps;
    const left = this.leftToPlugin(sysctls);
    return diffSysctls(sysctls, readSysctls(sysctls, files)).filter(
      ({ key }) => left[key] === undefined && files.writable(key),
    );
  }

  /** Returns what `rules` would do to the nftables table. */
  planTable({ nftables }: Pick<DesiredFilter, 'nftables'>): Action[] {
    return this.#deps.nftables?.filter.plan(nftables) ?? [];
  }

  /** Returns what `rules` would do for a family in iptables. */
  planRules(family: Family, { rules, inside }: Pick<DesiredHost, 'rules' | 'inside'>): Action[] {
    const { sets, rules: programs } = this.#deps;
    return [...(sets?.plan(family, inside[family]) ?? []), ...programs.planFamily(family, rules[family])];
  }

  /**
   * Returns the sysctls that this process cannot write and leaves to the plugin, by key. A process that can
   * write more than the agent, such as `plan` outside its container, also leaves those of the installed
   * conflist to the plugin.
   */
  leftToPlugin(sysctls: readonly Sysctl[]): Record<string, string> {
    const { sysctls: files, installedConflist } = this.#deps;
    return unwritableSysctls(sysctls, readSysctls(sysctls, files), files, installedConflist?.());
  }

  /**
   * Writes the settings. In a container, /proc/sys is usually read-only. That is a problem only if the plugin
   * has attached pods (`hasPods`) since and has not set them either.
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

  /** True when masqueraded ports may be chosen at random. */
  get randomPorts(): boolean {
    return this.#deps.randomPorts ?? true;
  }

  /**
   * Whether rules may match sets. A kernel with ip_set may lack xt_set, which its rules show. Without rules
   * yet, sets are tried.
   */
  get usesSets(): boolean {
    if (this.#deps.sets === undefined) {
      return false;
    }
    this.#setsMatch ??= this.#observeSets() ?? true;
    return this.#setsMatch;
  }

  /** Returns the back end of the packet filter, as decided since the last call of `reviewBackend`. */
  backend(podCIDRs: readonly string[]): Backend {
    const { nftables } = this.#deps;
    if (nftables === undefined) {
      return { name: 'iptables', accept: [], reason: 'the only back end' };
    }
    this.#filterFacts ??= nftables.facts(podCIDRs);
    return chooseBackend(nftables.mode, this.#filterFacts);
  }

  /** Has the next decision look at the kernel again. */
  reviewBackend(): void {
    this.#filterFacts = undefined;
  }

  /** Returns the problems of the back end in use. */
  backendProblems({ backend }: Pick<DesiredFilter, 'backend'>): Problem[] {
    return this.#filterFacts === undefined ? [] : backendProblems(backend, this.#filterFacts);
  }

  /**
   * Writes rules and sets. `fresh` reads the kernel's state first; otherwise only differences from the last
   * pass are written.
   */
  rules(desired: DesiredFilter, fresh: boolean): HostOutcome {
    return catchAsOutcome('rules', 'Cannot write the packet filter rules', () => {
      const { rules, inside, nftables } = desired;
      const done: Action[] = [];
      const sets = (which: (elements: readonly string[] | undefined) => boolean): void => {
        for (const family of families) {
          if (which(inside[family])) {
            done.push(...(this.#deps.sets?.apply(family, inside[family], fresh) ?? []));
          }
        }
      };
      const table = (): void => {
        done.push(...(this.#deps.nftables?.filter.apply(nftables, fresh) ?? []));
      };
      // A back end is removed once the other one masquerades. Connections keep their translation.
      if (nftables !== undefined) {
        table();
      }
      // A set must exist as long as a rule matches it.
      sets((elements) => elements !== undefined);
      const tables = JSON.stringify(rules);
      if (fresh || tables !== this.#tables) {
        done.push(...this.#tablesOf(rules));
      }
      this.#tables = tables;
      sets((elements) => elements === undefined);
      if (nftables === undefined) {
        table();
      }
      const again = this.#again('rules', JSON.stringify([rules, inside, elementsOf(nftables)]));
      return { done, problems: this.backendProblems(desired), drift: again };
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

  /** Installs the executable, and the conflist if there is one. */
  cni(conflist: string | undefined): HostOutcome {
    return catchAsOutcome('cni-files', 'Cannot install the CNI files', () => ({
      done: this.#deps.cni.apply(conflist),
      problems: this.fileProblems(),
      drift: this.#again('cni', conflist ?? ''),
    }));
  }

  /** Returns the problems of the CNI files, as of the last plan or pass. */
  fileProblems(): Problem[] {
    const { cni, configurationProblems } = this.#deps;
    return [...(configurationProblems?.() ?? []), ...cni.problems()];
  }

  /** Records the desired state. Returns whether it is that of the last pass. */
  #again(area: 'sysctls' | 'rules' | 'cni', text: string): boolean {
    const same = this.#last[area] === text;
    this.#last[area] = text;
    return same;
  }
}

/** Returns the parts of the table that change, without the expressions of rules. */
const elementsOf = (table: DesiredFilter['nftables']) =>
  table && [table.sets, table.chains.map(({ rules }) => rules.map(({ text }) => text))];

function notSet({ key, from, to, why }: SysctlAction, reason: string): Problem {
  return problem(
    'sysctl',
    key,
    `Sysctl ${key} is ${from}, not ${to}: ${why}. The agent cannot write it (${reason}), and the plugin has not set it either. Set it on the host: \`sysctl -w ${sysctlName(key)}=${to}\``,
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
