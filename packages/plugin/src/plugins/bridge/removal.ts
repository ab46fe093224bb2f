import type { Context } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { collectAttachments, deleteAttachment } from '../../attachment/attachment-verbs.ts';
import type { DelHooks } from '../../attachment/feature.ts';
import type { MasqueradeSettings } from '../../nat/masquerade.ts';
import type { RemovalPart } from '../../nat/shared-transaction.ts';
import { collectSpoofChecks, hasSpoofChecks, uncheckSpoofing } from './spoof-check.ts';

/** Runs DEL, also of `macspoofchk`: the configuration may have had it, or another plugin, at ADD only. */
export function deleteWithSpoofChecks(
  sys: Sys,
  context: Context<MasqueradeSettings>,
  { rules, hostEnd }: DelHooks = { rules: [], hostEnd: [] },
): void {
  // The tables are listed anyway.
  let isChecked = false;
  const look: RemovalPart = {
    changes(_, tables) {
      isChecked = hasSpoofChecks(tables);
      return [];
    },
  };
  deleteAttachment(sys, context, { rules: [...rules, look], hostEnd });
  // After the link is gone, so that no frame passes unchecked.
  if (isChecked) {
    uncheckSpoofing(sys, context);
  }
}

/**
 * Runs GC, also of `macspoofchk`.
 *
 * @param bridge bridge of the host ends; absent when they are not bridge ports
 */
export function collectWithSpoofChecks(
  sys: Sys,
  context: Context<MasqueradeSettings>,
  bridge?: string,
): void {
  const { conf, validAttachments } = context;
  collectAttachments(sys, context, bridge, () => collectSpoofChecks(sys, conf.network, validAttachments));
}
