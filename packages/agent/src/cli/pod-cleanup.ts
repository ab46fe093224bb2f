/** Removes what the plugin shares between pods: the bridge and the directory of reservations. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { delLink, openRtnetlink } from '@cnikit/netlink';
import { BRIDGE_NAME } from '../core/names.ts';

/**
 * Removes the bridge and all reservations, and returns a line for each removed object.
 *
 * @throws {Error} when pods are still attached; then both stay
 */
export function removePodBridge(stateDir: string): string[] {
  using rt = openRtnetlink();
  const bridge = rt.link({ name: BRIDGE_NAME });
  const ours = bridge?.kind === 'bridge' ? bridge : undefined;
  if (ours !== undefined) {
    const ports = rt.links({ master: ours.index }).map(({ name }) => name);
    if (ports.length > 0) {
      throw new Error(`${BRIDGE_NAME} still has pods attached (${ports.join(', ')}): drain the node first`);
    }
    rt.request(delLink({ index: ours.index }));
  }
  rmSync(join(stateDir, 'ipam'), { recursive: true, force: true });
  return ours === undefined ? [] : [`- link ${BRIDGE_NAME}`];
}
