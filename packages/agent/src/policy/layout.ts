/** Finds pods whose packets to each other meet no rule. */
import { readdirSync, readFileSync } from 'node:fs';
import { families, familyOf } from '@cnikit/ip';
import type { Layout } from '../core/model.ts';
import { BRIDGE_NAME } from '../core/names.ts';
import { type Problem, problem } from '../core/problem.ts';

const SETTINGS = { ipv4: 'bridge-nf-call-iptables', ipv6: 'bridge-nf-call-ip6tables' } as const;

/** The node as far as the layout of pods depends on it. */
export interface BridgeFacts {
  /** Returns a setting below net.bridge; undefined without br_netfilter. */
  setting(name: string): string | undefined;
  /** Number of pods on the bridge. */
  bridgedPods(): number;
}

/** Packets between pods of a bridge pass the forward hook only with br_netfilter. Packets to other pods are routed. */
export function layoutProblems(
  layout: Layout,
  podCIDRs: readonly string[],
  { setting, bridgedPods }: BridgeFacts = systemFacts,
): Problem[] {
  const open = families.filter(
    (family) =>
      podCIDRs.some((cidr) => familyOf(cidr) === family) && setting(SETTINGS[family])?.trim() !== '1',
  );
  if (open.length === 0) {
    return [];
  }
  const reason = `their packets to each other pass the packet filter only where net.bridge.${SETTINGS[open[0]!]} is 1`;
  if (layout === 'bridge') {
    const message = `NetworkPolicies do not hold between pods of this node: with --layout=bridge ${reason}`;
    return [problem('policy-layout', '', message)];
  }
  const bridged = bridgedPods();
  if (bridged < 2) {
    return [];
  }
  const message = `NetworkPolicies do not hold between ${bridged} pods of this node, which started on bridge ${BRIDGE_NAME}: ${reason}. Recreate them`;
  return [problem('policy-layout', '', message)];
}

const systemFacts: BridgeFacts = {
  setting: (name) => orElse(undefined, () => readFileSync(`/proc/sys/net/bridge/${name}`, 'utf8')),
  bridgedPods: () => orElse(0, () => readdirSync(`/sys/class/net/${BRIDGE_NAME}/brif`).length),
};

function orElse<T>(missing: T, read: () => T): T {
  try {
    return read();
  } catch {
    return missing;
  }
}
