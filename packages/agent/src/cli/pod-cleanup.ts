/** What pods leave on a node when the last one is gone: their bridge and the folder of their reservations. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { delLink, openRtnetlink } from '@cnikit/netlink';
import { BRIDGE_NAME } from '../core/names.ts';

/**
 * Removes them; gives a line each. A bridge that still has ports stays, with what its pods have reserved: throws then,
 * and says whose ports they are.
 */
export function removePodRemains(stateDir: string): string[] {
  using rt = openRtnetlink();
  const bridge = rt.link({ name: BRIDGE_NAME });
  const ours = bridge?.kind === 'bridge' ? bridge : undefined;
  if (ours !== undefined) {
    const ports = rt.links({ master: ours.index }).map(({ name }) => name);
    if (ports.length > 0) {
      throw new Error(`pods still use ${BRIDGE_NAME} by ${ports.join(', ')}: end them first`);
    }
    rt.request(delLink({ index: ours.index }));
  }
  rmSync(join(stateDir, 'ipam'), { recursive: true, force: true });
  return ours === undefined ? [] : [`- link ${BRIDGE_NAME}`];
}
