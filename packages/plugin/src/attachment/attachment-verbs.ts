/** DEL and GC of a plugin that attaches pods by a veth pair and asks IPAM for addresses. */
import { CniError, type Context, ErrorCode } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { openIpam } from '../ipam/ipam.ts';
import { collectLinks, deleteAttachmentLink } from '../links/attachment-links.ts';
import { collectMasquerade, deleteMasquerade, type MasqueradeSettings } from '../nat/masquerade.ts';
import type { DelHooks } from './feature.ts';
import { collectUpstreamLeftovers } from './upstream-gc.ts';

/**
 * DEL: the link before its addresses, so that no address is given out while a pod still has it.
 *
 * Before both the rules of nftables. The kernel frees rules some 10 ms after they are gone, and until then whoever
 * closes a connection to netfilter waits; the deletion of a link takes as long, and so the one is done with the other.
 *
 * Needs neither the namespace nor a prevResult; what is not there is as good as deleted.
 *
 * @param parts what features have to remove on the way
 */
export function deleteAttachment(
  sys: Sys,
  context: Context<MasqueradeSettings>,
  { rules, hostEnd }: DelHooks = { rules: [], hostEnd: [] },
): void {
  const ipam = openIpam(sys, context);
  try {
    if (context.conf.ipMasq || rules.length > 0) {
      deleteMasquerade(sys, context, ipam, rules);
      context.mark?.('rules');
    }
  } finally {
    deleteAttachmentLink(sys, context, hostEnd);
    context.mark?.('links');
  }
  ipam?.del();
  context.mark?.('ipam');
}

/**
 * GC: removes the host ends, NAT rules and reservations of this network whose attachment is not in the list. Without a
 * list nothing is known and nothing freed. Goes on after an error and reports all at the end.
 *
 * @param bridge whose ports the host ends are; absent when they have none
 * @param more what else belongs to attachments
 */
export function collectAttachments(
  sys: Sys,
  context: Context<MasqueradeSettings>,
  bridge?: string,
  more: () => void = () => undefined,
): void {
  const ipam = openIpam(sys, context);
  const failed = collectLinks(sys, context, bridge);
  const leftovers = () =>
    failed.push(...collectUpstreamLeftovers(sys, context, context.conf.network, ipam?.stale?.() ?? []));
  for (const collect of [() => collectMasquerade(sys, context), more, leftovers, () => ipam?.gc()]) {
    try {
      collect();
    } catch (error) {
      failed.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (failed.length > 0) {
    throw new CniError(
      ErrorCode.Internal,
      `GC of network ${context.conf.network} is not complete: ${failed.join('; ')}`,
    );
  }
}
