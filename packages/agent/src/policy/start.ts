/** Starts the enforcement of NetworkPolicies on this node. */

import { monitorNftables } from '@cnikit/netlink/monitor';
import { openNftables } from '@cnikit/netlink/nftables';
import { POLICY_TABLE } from '../core/names.ts';
import { Enforcer, type EnforcerDeps } from './enforcer.ts';
import { followPolicies, type Server } from './follow.ts';
import type { LocalPods } from './local-pods.ts';
import { PolicyTable } from './policy-table.ts';
import { kernelTracking } from './tracking.ts';

/** Enforcement that runs. */
export interface Policies {
  /** Takes the pods that the plugin reports. */
  readonly localPods: LocalPods;
  /** True once the table holds the rules. */
  readonly programmed: boolean;
  /** Takes the pod networks of this node. Nothing is programmed before. */
  setPodCIDRs(podCIDRs: readonly string[]): void;
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
  const enforcer = new Enforcer(nodeName, {
    ...deps,
    table: new PolicyTable(connection),
    tracking: kernelTracking,
  });
  const stop = new AbortController();
  const { signal } = stop;
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
    verify: () => enforcer.verify(),
    ended: Promise.all([followPolicies(server, enforcer, deps.metrics, signal), checkTable()]).then(() => {}),
    close: () => {
      stop.abort();
      enforcer.close();
      connection.close();
    },
  };
}
