import { CniError, type Context, ErrorCode, type Result } from '@cnikit/cni-spec';
import { openRtnetlink, type RtnetlinkCore } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { reportDifferences } from '../../attachment/check-state.ts';
import type { AddBeforeLinkUp, Feature, HostEnd } from '../../attachment/feature.ts';
import { ifbName } from '../../links/ifb-name.ts';
import { limitDifferences } from './check.ts';
import { hostEnd } from './host-end.ts';
import { collectIfbs, deleteIfb, findIfb } from './ifb.ts';
import { asksForLimits, BANDWIDTH_KEYS, type BandwidthSettings, limitsOf } from './settings.ts';
import { shape } from './shape.ts';

type Bandwidth = Context<BandwidthSettings>;

/**
 * The feature `bandwidth`: limits the send and receive rates of a pod with a veth pair.
 *
 * @param withHostEnd makes DEL delete the device and the host end together. Each deletion takes an RCU grace period, so
 *   one for both costs half
 */
export function bandwidthFeature(sys: Sys, withHostEnd = false): Feature<BandwidthSettings> {
  return {
    name: 'bandwidth',
    about: 'cnikit bandwidth: limits the send and receive rates of a pod',
    keys: BANDWIDTH_KEYS,
    // Only verbs that need the limits read them, so DEL works with any configuration.
    settings: (raw) => ({ network: raw.name, raw }),
    isRequested: ({ raw }) => asksForLimits(raw),
    validate: ({ raw }) => void limitsOf(raw),
    add(context, result) {
      const shapePod = shaping(sys, context, withHostEnd);
      if (shapePod === undefined) {
        return result;
      }
      return atHostEnd(sys, context, result, (route, host) => shapePod(route, host)(result));
    },
    addBeforeLinkUp: (context) => shaping(sys, context, withHostEnd),
    del(context) {
      const route = openRtnetlink({ sys });
      try {
        deleteIfb(route, attachmentOf(context));
      } finally {
        route.close();
      }
    },
    hostEndRemoval: (context) => (route) => deleteIfb(route, attachmentOf(context)),
    check: (context, prevResult) => check(sys, context, prevResult),
    gc: (context) => collect(sys, context),
  };
}

/** Returns the function that shapes a pod at its host end; undefined when the pod has no limits. */
function shaping(sys: Sys, context: Bandwidth, grouped: boolean): AddBeforeLinkUp | undefined {
  const limits = limitsOf(context.conf.raw);
  if (limits === undefined) {
    return undefined;
  }
  return (route, host) => {
    const ifb = shape(sys, route, host, attachmentOf(context), limits, grouped);
    if (ifb === undefined) {
      return (result) => result;
    }
    return (result) => ({ ...result, interfaces: [...(result.interfaces ?? []), ifb] });
  };
}

function check(sys: Sys, context: Bandwidth, prevResult: Result): void {
  const limits = limitsOf(context.conf.raw);
  if (limits === undefined) {
    return;
  }
  atHostEnd(sys, context, prevResult, (route, host) => {
    reportDifferences(context, limitDifferences(route, host, deviceName(route, context), limits));
  });
}

function deviceName(route: RtnetlinkCore, context: Bandwidth): string {
  const attachment = attachmentOf(context);
  return findIfb(route, attachment)?.name ?? ifbName(attachment);
}

function collect(sys: Sys, { conf: { network }, validAttachments }: Bandwidth): void {
  const failed = collectIfbs(sys, network, validAttachments);
  if (failed.length === 0) {
    return;
  }
  throw new CniError(ErrorCode.Internal, `GC of network ${network} is incomplete: ${failed.join('; ')}`);
}

function attachmentOf({ conf: { network }, containerID, ifName }: Bandwidth) {
  return { network, containerID, ifName };
}

function atHostEnd<T>(
  sys: Sys,
  context: Bandwidth,
  result: Result,
  body: (route: RtnetlinkCore, host: HostEnd) => T,
): T {
  const route = openRtnetlink({ sys });
  try {
    return body(route, hostEnd(sys, route, context, result));
  } finally {
    route.close();
  }
}
