import type { Context } from '@cnikit/cni-spec';
import type { Sys } from '@cnikit/sys';
import { deleteAttachment } from '../../attachment/attachment-verbs.ts';
import type { DelHooks } from '../../attachment/feature.ts';
import type { MasqueradeSettings } from '../../nat/masquerade.ts';
import type { RemovalPart } from '../../nat/shared-transaction.ts';
import { hasSpoofChecks, uncheckSpoofing } from './spoof-check.ts';

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
