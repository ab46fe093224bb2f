/** Starts the enforcement of NetworkPolicies on this node. */

import { openRtnetlink } from '@cnikit/netlink';
import { monitorNftables } from '@cnikit/netlink/monitor';
import { monitorLog } from '@cnikit/netlink/nflog';
import { openNftables } from '@cnikit/netlink/nftables';
import { POLICY_TABLE } from '../core/names.ts';
import { type Problem, problem } from '../core/problem.ts';
import { logDenials, type PolicyState } from './denial-log.ts';
import { Enforcer, type EnforcerDeps } from './enforcer.ts';
import { followPolicies, type Server } from './follow.ts';
import type { LocalPods } from './local-pods.ts';
import { PolicyTable } from './policy-table.ts';
import type { RuleOptions } from './rules.ts';
import { kernelTracking } from './tracking.ts';

/** Enforcement that runs. */
export interface Policies {
  /** Takes the pods that the plugin reports. */
  readonly localPods: LocalPods;
  /** True once the table holds the rules. */
  readonly programmed: boolean;
  /** Takes the pod networks of this node. Nothing is programmed before. */
  setPodCIDRs(podCIDRs: readonly string[]): void;
  /** Takes whether the kernel has ipvs. */
  setIpvs(present: boolean): void;
  /** Compares the table with the rules, and repairs it. */
  verify(): void;
  /** Rejects when following the API or the kernel has failed for an unexpected reason. */
  readonly ended: Promise<void>;
  /** Stops. The table stays as it is, so that running pods keep their rules. */
  close(): void;
}

/** Starts to follow the API server. The table of an earlier start stays in place until all collections are known. */
export function startPolicies(
  server: Server,
  nodeName: string,
  deps: Omit<EnforcerDeps, 'table' | 'tracking'>,
): Policies {
  const connection = openNftables();
  const stop = new AbortController();
  const { signal } = stop;
  const denials = openDenials(deps.rules, signal);
  const enforcer = new Enforcer(nodeName, {
    ...deps,
    // A kernel without log groups would refuse the rule, and all others with it.
    rules: denials instanceof Error ? { ...deps.rules, log: undefined } : deps.rules,
    table: new PolicyTable(connection),
    tracking: kernelTracking,
    report: (problems) => deps.report([...problems, ...logProblems(denials)]),
  });
  if (denials !== undefined && !(denials instanceof Error)) {
    logDenials(denials, stateOf(enforcer), deps.log).catch(({ message }: Error) =>
      deps.log.warn({}, `Denied packets are not logged any more: ${message}`),
    );
  }
  const changes = monitorNftables({ signal, ignorePort: connection.connection.port });
  const checkTable = async (): Promise<void> => {
    for await (const change of changes) {
      const concerns =
        change.type === 'overflow' ||
        (change.type === 'nftables' && change.family === 'inet' && change.table === POLICY_TABLE);
      if (concerns) {
        enforcer.check();
      }
    }
  };
  return {
    localPods: enforcer,
    get programmed() {
      return enforcer.programmed;
    },
    setPodCIDRs: (podCIDRs) => enforcer.setPodCIDRs(podCIDRs),
    setIpvs: (present) => enforcer.setIpvs(present),
    verify: () => enforcer.verify(),
    ended: Promise.all([followPolicies(server, enforcer, deps.metrics, signal), checkTable()]).then(() => {}),
    close: () => {
      stop.abort();
      enforcer.close();
      connection.close();
    },
  };
}

function stateOf(enforcer: Enforcer): PolicyState {
  return {
    get ruleset() {
      return enforcer.ruleset;
    },
    podAt: (address) => enforcer.pods.podAt(address),
    ownAddresses: (index) => {
      const { addresses } = enforcer.pods.foreign;
      if (addresses.size === 0) {
        return [];
      }
      using rt = openRtnetlink();
      return addresses.get(rt.link({ index })?.name ?? '') ?? [];
    },
  };
}

/** Returns the packets that the rules log; undefined where they log none; an error where the kernel cannot report them. */
function openDenials(rules: RuleOptions | undefined, signal: AbortSignal) {
  if (rules?.log === undefined) {
    return undefined;
  }
  try {
    return monitorLog({ group: rules.log.group, signal });
  } catch (error) {
    return error as Error;
  }
}

const logProblems = (denials: unknown): Problem[] =>
  denials instanceof Error
    ? [problem('policy-log', '', `Cannot log denied packets: ${denials.message}`)]
    : [];
