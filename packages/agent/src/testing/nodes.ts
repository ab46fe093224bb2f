import type { NodeInfo } from '../core/model.ts';

/** Node number `n` of a dual-stack cluster on 192.0.2.0/24 and 2001:db8::/64. */
export function node(n: number, changes: Partial<NodeInfo> = {}): NodeInfo {
  return {
    name: `n${n}`,
    uid: `uid-${n}`,
    created: `2026-01-01T00:00:${String(n % 60).padStart(2, '0')}Z`,
    podCIDRs: [`10.244.${n}.0/24`, `fd00:10:244:${n.toString(16)}::/64`],
    internalIPs: [`192.0.2.${n}`, `2001:db8::${n.toString(16)}`],
    rejected: [],
    ...changes,
  };
}
