/**
 * Finds the addresses that running pods have, for a network whose reservations are lost. Loaded only when the network's
 * folder is new or empty.
 */

import type { AddressInUse } from '@cnikit/ipam/file-store';
import type { Link, Neighbour } from '@cnikit/netlink';
import type { RtnetlinkCore } from '@cnikit/netlink/short-lived';
import { ignoreErrno, type Sys } from '@cnikit/sys';
import { hostVethName, hostVethPrefix } from '../links/names.ts';
import type { PodNamespace } from '../netns/pod-namespace.ts';
import type { CachedAttachment } from '../records/cached-attachments.ts';
import { hasHostEndOrNamespace } from '../records/running.ts';

/** The network, and the attachment whose ADD needs an address. */
export interface PodNetwork {
  network: string;
  containerID: string;
  ifName: string;
  /** Bridge of the host ends, if the network has one. */
  bridge: string | undefined;
  /** Name of the plugin, such as `macvlan`: the kind of the pods' interfaces when they have no host end. */
  type: string;
}

/** Sources of the evidence. */
export interface Sources {
  /** The runtime's records of all networks. */
  records: readonly CachedAttachment[];
  host: RtnetlinkCore;
  /** Returns undefined when there is no namespace at the path. */
  openNamespace: (path: string) => PodNamespace | undefined;
}

/** Folders where runtimes mount the namespaces of pods. */
const NAMESPACES = ['/run/netns', '/run/docker/netns'];
const NUD_PERMANENT = 0x80;

/**
 * Lists addresses that the runtime's records give to running pods, that interfaces in the pods' namespaces have, that
 * routes of the node lead to, and that neighbours behind the bridge's ports have. The owner is known from the records.
 */
export function addressesInUse(
  sys: Sys,
  pods: PodNetwork,
  { records, host, openNamespace }: Sources,
): AddressInUse[] {
  const { network, containerID, ifName, bridge, type } = pods;
  const links = host.links();
  const byIndex = new Map(links.map((link) => [link.index, link]));
  const master = links.find(({ name }) => name === bridge)?.index;
  const macOf = new Map(links.map(({ name, mac }) => [name, mac]));
  const running = records.filter(
    (one) =>
      macOf.has(hostVethName(one.network, one.containerID, one.ifName)) ||
      hasHostEndOrNamespace(sys, one, macOf),
  );
  const found = new Map<string, AddressInUse>();
  const others = new Set<string>();
  for (const one of running) {
    const isSelf = one.containerID === containerID && one.ifName === ifName;
    for (const address of one.addresses) {
      if (one.network !== network) {
        others.add(address);
      } else if (!isSelf) {
        found.set(address, { address, owner: { containerID: one.containerID, ifName: one.ifName } });
      }
    }
  }
  const add = (text: string) => {
    const [address = ''] = text.split('/', 1);
    // Another network of the node may use the same addresses on another bridge.
    if (!found.has(address) && !others.has(address)) {
      found.set(address, { address });
    }
  };
  for (const path of namespacePaths(sys, records)) {
    const space = sys.inNetns(path) ? undefined : openNamespace(path);
    try {
      for (const { index, kind, link } of space?.route.links() ?? []) {
        const peer = kind === 'veth' ? byIndex.get(link ?? 0) : undefined;
        if (peer === undefined ? kind === type : isHostEnd(peer, index)) {
          for (const { address } of space?.route.addresses({ index }) ?? []) {
            add(address);
          }
        }
      }
    } finally {
      space?.close();
    }
  }
  for (const { dst, oif = 0 } of host.routes({ table: 'main' })) {
    if (/\/(32|128)$/.test(dst) && byIndex.get(oif)?.kind === 'veth') {
      add(dst);
    }
  }
  if (master !== undefined) {
    // User-mode emulators of other processors do not know these dumps.
    const behind = dumped(() => host.neighbours({ family: 'bridge', master })).filter(
      ({ state }) => !(state & NUD_PERMANENT),
    );
    const macs = new Set(behind.map(({ mac }) => mac));
    for (const { address, mac } of dumped(() => host.neighbours())) {
      if (address !== undefined && mac !== undefined && macs.has(mac)) {
        add(address);
      }
    }
  }
  return [...found.values()];

  function isHostEnd(peer: Link, podIndex: number): boolean {
    return (
      peer.kind === 'veth' &&
      peer.link === podIndex &&
      (peer.name.startsWith(hostVethPrefix(network)) || (master !== undefined && peer.master === master))
    );
  }
}

function dumped(dump: () => Neighbour[]): Neighbour[] {
  return ignoreErrno('EOPNOTSUPP', dump) ?? [];
}

function namespacePaths(sys: Sys, records: readonly CachedAttachment[]): Set<string> {
  const mounted = NAMESPACES.flatMap((dir) =>
    (ignoreErrno(['ENOENT', 'ENOTDIR'], () => sys.readdir(dir)) ?? []).map((name) => `${dir}/${name}`),
  );
  const recorded = records.map(({ netns }) => netns.replace(/^\/var\/run\//, '/run/'));
  return new Set([...mounted, ...recorded.filter((path) => sys.statIfExists(path) !== undefined)]);
}
