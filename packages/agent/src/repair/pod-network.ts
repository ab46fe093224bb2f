/** Reads the running pods of this node and the addresses of their bridge, and removes addresses. */
import { fileStore } from '@cnikit/ipam/file-store';
import { delAddress, type RtnetlinkConnection } from '@cnikit/netlink';
import { IFA_F_NODAD } from '@cnikit/netlink/constants';
import { hostVethName } from '@cnikit/plugin';
import { sys } from '@cnikit/sys';
import { BRIDGE_NAME, NETWORK_NAME } from '../core/names.ts';
import { reservationsDir, vethLinks } from '../leaks/node-leaks.ts';
import { type BridgeAddress, isPodBridge, type RunningAddress } from './earlier-range.ts';

/** Returns the reserved addresses whose pod runs: the kernel deletes the host end with the pod's namespace. */
export function runningAddresses(rt: RtnetlinkConnection, stateDir: string): RunningAddress[] {
  const { reservations } = fileStore({ sys, dir: reservationsDir(stateDir) }).list();
  const names = new Set(vethLinks(rt).map(({ name }) => name));
  return reservations
    .filter(({ containerID, ifName }) => names.has(hostVethName(NETWORK_NAME, containerID, ifName || 'eth0')))
    .map(({ address, containerID, ifName, pod }) => ({ address, containerID, ifName, pod }));
}

/** Returns the addresses of the pods' bridge, without link-local ones. */
export function bridgeAddresses(rt: RtnetlinkConnection): BridgeAddress[] {
  const index = rt.link({ name: BRIDGE_NAME })?.index;
  return (index === undefined ? [] : rt.addresses({ index }))
    .filter(({ address }) => !/^fe[89ab]/i.test(address))
    .map(({ address, broadcast, flags }) => ({
      address,
      byPlugin: address.includes(':') ? (flags & IFA_F_NODAD) !== 0 : broadcast !== undefined,
    }));
}

export function removeBridgeAddresses(rt: RtnetlinkConnection, addresses: readonly string[]): void {
  const index = rt.link({ name: BRIDGE_NAME })?.index;
  if (index !== undefined && addresses.length > 0) {
    rt.batchSettled(addresses.map((address) => delAddress({ index, address })));
  }
}

/** Returns the index of the pods' bridge when it has no ports. */
export function unusedBridge(rt: RtnetlinkConnection, podCIDRs: readonly string[]): number | undefined {
  const bridge = rt.link({ name: BRIDGE_NAME });
  return bridge?.kind === 'bridge' &&
    rt.links({ master: bridge.index }).length === 0 &&
    isPodBridge(podCIDRs, bridgeAddresses(rt))
    ? bridge.index
    : undefined;
}
