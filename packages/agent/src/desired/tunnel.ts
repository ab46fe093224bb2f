/**
 * Decides the VXLAN tunnels to nodes whose next hop is not on-link. Everything follows from the Node objects:
 * nodes exchange no state. Pure.
 */

import { type Family, families, familyOf, formatAddress, parseAddress } from '@cnikit/ip';
import type { HostFacts, NodeInfo, PresentTunnel, TunnelLink, TunnelSettings } from '../core/model.ts';
import { tunnelName } from '../core/names.ts';
import { type Problem, problem } from '../core/problem.ts';
import { tunnelMac } from '../core/tunnel-mark.ts';
import { noPaths, type PathMtus, tunnelMtu } from './mtu.ts';

/**
 * Returns the next hop that represents a node. IPv4: the first address of its podCIDR, which no pod has.
 * IPv6: the link-local address of its MAC address, because the kernel refuses a next hop that a route leads
 * elsewhere (ip6_route_check_nh_onlink in net/ipv6/route.c).
 */
export function tunnelGateway(dst: string, mac: string): string {
  if (familyOf(dst) === 'ipv4') {
    return dst.slice(0, dst.indexOf('/'));
  }
  const [a, b, c, d, e, f] = mac.split(':').map((byte) => Number.parseInt(byte, 16)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  // EUI-64 (RFC 4291, appendix A).
  return formatAddress(Uint8Array.from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f]));
}

/** Returns the families of outer packets that this node can send, the preferred one first. */
export function underlaysOf(own: NodeInfo): Family[] {
  return families.filter((family) => own.internalIPs.some((ip) => familyOf(ip) === family));
}

/** Returns the desired tunnel link of a family. */
export function desiredTunnel(
  own: NodeInfo,
  facts: HostFacts,
  settings: TunnelSettings,
  underlay: Family,
  paths: PathMtus = noPaths,
  limit?: number,
): TunnelLink {
  const address = own.internalIPs.find((ip) => familyOf(ip) === underlay && facts.localAddresses.has(ip));
  return {
    ...settings,
    name: tunnelName(settings, underlay),
    mac: tunnelMac(own.name),
    mtu: tunnelMtu(own, facts, underlay, paths, limit),
    underlay,
    local: address,
    addresses: own.podCIDRs.map(
      (cidr) => `${cidr.slice(0, cidr.indexOf('/'))}/${familyOf(cidr) === 'ipv4' ? 32 : 128}`,
    ),
  };
}

/** Returns the foreign links that conflict with a tunnel link. */
export function tunnelConflicts(
  facts: HostFacts,
  { name, vni, port }: Pick<TunnelLink, 'name' | 'vni' | 'port'>,
): Problem[] {
  return facts.foreignLinks
    .filter((other) => other.name === name || (other.vni === vni && other.port === port))
    .map((other) =>
      problem(
        'foreign-tunnel',
        other.name,
        other.name === name
          ? `Link ${name} belongs to another program and is left alone, so nodes behind a router cannot be reached. Remove it, or set --vxlan-name`
          : `Link ${other.name} is another program's VXLAN with VNI ${vni} on port ${port} and is left alone, so nodes behind a router cannot be reached. Set --vxlan-vni or --vxlan-port, the same on all nodes`,
      ),
    );
}

/**
 * Compares a tunnel link with the desired one. `change`: the difference can be set on the link; `remake`:
 * only at its creation.
 */
export function sameTunnel(have: PresentTunnel, want: TunnelLink): 'same' | 'change' | 'remake' {
  const made =
    have.marked &&
    have.name === want.name &&
    have.vni === want.vni &&
    have.port === want.port &&
    !have.learning &&
    (have.local === want.local || (want.local === undefined && isUnspecified(have.local, want.underlay)));
  if (!made) {
    return 'remake';
  }
  const set =
    have.up &&
    have.master === undefined &&
    have.mac === want.mac &&
    have.mtu === want.mtu &&
    have.addresses.length === want.addresses.length &&
    want.addresses.every((address) => have.addresses.includes(address));
  return set ? 'same' : 'change';
}

/** True for no address of the link's family. The kernel takes a link without an address for IPv4. */
function isUnspecified(address: string | undefined, underlay: Family): boolean {
  if (address === undefined) {
    return underlay === 'ipv4';
  }
  return familyOf(address) === underlay && parseAddress(address)?.every((byte) => byte === 0) === true;
}
