import { CniError, type Context, ErrorCode } from '@cnikit/cni-spec';
import { delLink, NetlinkError, openRoute } from '@cnikit/netlink';
import type { Sys } from '@cnikit/sys';
import { openPool } from '../capabilities/pool.ts';
import type { BridgeSettings } from '../config.ts';
import { hostVethName, hostVethPrefix } from '../names.ts';

/**
 * GC: removes the host ends and reservations of this network whose attachment is not in the list. Without a
 * list nothing is known and nothing freed. Goes on after an error and reports all at the end.
 */
export function gc(sys: Sys, { conf, validAttachments }: Context<BridgeSettings>): void {
  if (validAttachments === undefined) return;
  const valid = validAttachments.map(({ containerID, ifname }) => ({ containerID, ifName: ifname }));
  const failed = [...collectLinks(sys, conf, valid), ...collectReservations(sys, conf, valid)];
  if (failed.length > 0) {
    throw new CniError(
      ErrorCode.Internal,
      `GC of network ${conf.network} is not complete: ${failed.join('; ')}`,
    );
  }
}

type Attachments = readonly { containerID: string; ifName: string }[];

function collectLinks(sys: Sys, conf: BridgeSettings, valid: Attachments): string[] {
  const keep = new Set(valid.map((one) => hostVethName(conf.network, one.containerID, one.ifName)));
  const prefix = hostVethPrefix(conf.network);
  const failed: string[] = [];
  const host = openRoute({ sys });
  try {
    const bridge = host.link({ name: conf.bridge });
    if (bridge === undefined) return [];
    for (const { name, index } of host.links({ master: bridge.index })) {
      if (!name.startsWith(prefix) || keep.has(name)) continue;
      try {
        host.request(delLink({ index }));
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
        if (error.code !== 'ENODEV') failed.push(error.message);
      }
    }
  } finally {
    host.close();
  }
  return failed;
}

function collectReservations(sys: Sys, conf: BridgeSettings, valid: Attachments): string[] {
  try {
    openPool(sys, conf)?.ipam.gc(valid);
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
