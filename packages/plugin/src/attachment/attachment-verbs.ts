/** DEL and GC of a plugin that attaches pods with a veth pair and addresses from IPAM. */
import { CniError, type Context, ErrorCode } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { openIpam } from '../ipam/ipam.ts';
import { collectLinks, deleteAttachmentLink } from '../links/attachment-links.ts';
import { collectMasquerade, deleteMasquerade, type MasqueradeSettings } from '../nat/masquerade.ts';
import type { DelHooks } from './feature.ts';
import { collectUpstreamLeftovers } from './upstream-gc.ts';

/**
 * Runs DEL. It deletes the link before it frees the addresses, so IPAM never reuses an address that a pod still has.
 *
 * nftables rules go first. The kernel frees them about 10 ms later, and until then closing a netfilter socket blocks.
 * Deleting the link takes as long, so the two waits overlap.
 *
 * DEL needs neither the namespace nor a prevResult, and ignores objects that do not exist.
 *
 * @param hooks removals of features
 */
export function deleteAttachment(
  sys: Sys,
  context: Context<MasqueradeSettings>,
  { rules, hostEnd }: DelHooks = { rules: [], hostEnd: [] },
): void {
  const ipam = openIpam(sys, context);
  try {
    deleteMasquerade(sys, context, ipam, rules);
    context.mark?.('rules');
  } finally {
    deleteAttachmentLink(sys, context, hostEnd);
    context.mark?.('links');
  }
  ipam?.del();
  context.mark?.('ipam');
}

/**
 * Runs GC: removes the host ends, NAT rules and reservations of this network whose attachment the runtime does not list.
 * Without a list it removes nothing. It continues after an error and reports all errors at the end.
 *
 * @param bridge bridge of the host ends; absent when they are not bridge ports
 * @param more collects other objects of attachments
 */
export function collectAttachments(
  sys: Sys,
  context: Context<MasqueradeSettings>,
  bridge?: string,
  more: () => void = () => undefined,
): void {
  const ipam = openIpam(sys, context);
  const failed = collectLinks(sys, context, bridge);
  const freeAddresses = () => {
    const leftovers = collectUpstreamLeftovers(sys, context, context.conf.network, ipam?.stale?.() ?? []);
    failed.push(...leftovers);
    // The next GC finds them by the reservations alone.
    if (leftovers.length === 0) {
      ipam?.gc();
    }
  };
  for (const collect of [() => collectMasquerade(sys, context), more, freeAddresses]) {
    try {
      collect();
    } catch (error) {
      failed.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (failed.length > 0) {
    throw new CniError(
      ErrorCode.Internal,
      `GC of network ${context.conf.network} is incomplete: ${failed.join('; ')}`,
    );
  }
}
