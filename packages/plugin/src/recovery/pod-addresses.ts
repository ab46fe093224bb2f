import type { Context } from '@cnikit/cni-spec';
import type { AddressInUse } from '@cnikit/ipam/file-store';
import { openRtnetlink } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import type { NetworkSettings } from '../ipam/pod-ipam.ts';
import { openPodNamespaceIfExists } from '../netns/pod-namespace.ts';
import { cachedAttachments } from '../records/cached-attachments.ts';
import { addressesInUse } from './addresses-in-use.ts';

/** Bridge of upstream's default configuration. */
const DEFAULT_BRIDGE = 'cni0';

/**
 * Finds the addresses of a network's running pods, for ADD.
 *
 * @param bridge bridge of the network
 */
export function podAddresses(
  sys: Sys,
  { conf, containerID, ifName }: Context<NetworkSettings>,
  bridge = bridgeOf(conf.raw),
): AddressInUse[] {
  const host = openRtnetlink({ sys });
  try {
    return addressesInUse(
      sys,
      { network: conf.network, containerID, ifName, bridge, type: String(conf.raw.type) },
      {
        records: cachedAttachments(sys),
        host,
        openNamespace: (path) => openPodNamespaceIfExists(sys, path),
      },
    );
  } finally {
    host.close();
  }
}

/** Returns the bridge in the configuration of a plugin that runs host-local. */
function bridgeOf({ type, bridge }: NetworkSettings['raw'] & { bridge?: unknown }): string | undefined {
  if (typeof bridge === 'string' && bridge !== '') {
    return bridge;
  }
  return type === 'bridge' ? DEFAULT_BRIDGE : undefined;
}
