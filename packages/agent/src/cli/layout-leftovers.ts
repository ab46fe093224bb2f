/** Objects of the layout that no running pod has and no new pod gets. */
import { delLink, type RtnetlinkConnection } from '@cnikit/netlink';
import type { Layout } from '../core/model.ts';
import { BRIDGE_NAME, isRoutedEnd, POD_GUARD_TABLE } from '../core/names.ts';
import { unusedBridge } from '../repair/pod-network.ts';
import { hasTable, removeTable } from './pod-cleanup.ts';

/** An object to remove, and the line that reports it. */
export interface LayoutLeftover {
  line: string;
  remove(): void;
}

/** @param layout the layout of new pods */
export function layoutLeftovers(
  rt: RtnetlinkConnection,
  layout: Layout,
  podCIDRs: readonly string[],
): LayoutLeftover[] {
  if (layout === 'routed') {
    const index = unusedBridge(rt, podCIDRs);
    return index === undefined
      ? []
      : [
          {
            line: `- link ${BRIDGE_NAME} (its last pod has ended)`,
            remove: () => rt.request(delLink({ index })),
          },
        ];
  }
  // Pods of other networks need the guard too.
  return rt.links({ kind: 'veth' }).some(isRoutedEnd) || !hasTable(POD_GUARD_TABLE)
    ? []
    : [
        {
          line: `- table inet ${POD_GUARD_TABLE} (the last routed pod has ended)`,
          remove: () => void removeTable(POD_GUARD_TABLE),
        },
      ];
}
