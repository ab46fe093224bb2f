/** Derives the facts that the desired state depends on from the kernel's tables. Pure. */

import { type Family, families, parseNetwork } from '@cnikit/ip';
import type { KernelEvent } from '../core/kernel.ts';
import {
  type EgressInterface,
  type HostFacts,
  type KernelAddress,
  type KernelLink,
  type KernelRoute,
  type KernelState,
  type PresentTunnel,
  RTN_UNICAST,
  type TunnelSettings,
} from '../core/model.ts';
import { BRIDGE_NAME, defaultTunnel, ROUTE_PROTOCOL, tunnelName } from '../core/names.ts';
import { isOwnTunnel, tunnelMac } from '../core/tunnel-mark.ts';

/** The link where kube-proxy in ipvs mode keeps all Service addresses, so that the kernel accepts their packets. */
const SERVICES_LINK = 'kube-ipvs0';

/**
 * `outsideInterface` replaces the interface of the default route. `tunnel` has the names of the tunnel links,
 * which foreign links may have. `nodeName` identifies unfinished tunnel links of earlier versions.
 */
export function hostFacts(
  kernel: KernelState,
  outsideInterface?: string,
  tunnel: TunnelSettings = defaultTunnel,
  nodeName = '',
): HostFacts {
  const names = families.map((family) => tunnelName(tunnel, family));
  const own = nodeName === '' ? undefined : { mac: tunnelMac(nodeName), names };
  const byIndex = new Map(kernel.links.map((link) => [link.index, link]));
  const foreign = kernel.routes.filter(
    ({ protocol, dst }) => protocol !== ROUTE_PROTOCOL && !isLinkLocal(dst),
  );
  const egress: HostFacts['egress'] = {};
  const egressInterfaces: HostFacts['egressInterfaces'] = { ipv4: [], ipv6: [] };
  for (const family of families) {
    const links =
      outsideInterface === undefined
        ? defaultLinks(foreign, family).flatMap((index) => byIndex.get(index) ?? [])
        : kernel.links.filter(({ name }) => name === outsideInterface);
    if (links[0] !== undefined) {
      egress[family] = egressOf(links[0]);
    }
    egressInterfaces[family] = [...new Set(links.map(({ name }) => name))];
  }
  return {
    egress,
    egressInterfaces,
    table: foreign
      .map((route) => ({
        dst: route.dst,
        ...(route.oif === undefined
          ? {}
          : { oif: route.oif, dev: byIndex.get(route.oif)?.name ?? `#${route.oif}` }),
        gateway: route.via !== undefined || route.oif === undefined || route.type !== RTN_UNICAST,
      }))
      .sort((a, b) => length(b.dst) - length(a.dst)),
    localAddresses: new Map(
      kernel.addresses
        .filter(({ address, index }) => !isLinkLocal(address) && byIndex.get(index)?.name !== SERVICES_LINK)
        .map((entry) => [bare(entry), byIndex.get(entry.index)?.mtu ?? 0]),
    ),
    hasPods: kernel.links.some(({ name }) => name === BRIDGE_NAME),
    tunnels: kernel.links
      .filter((link) => isOwnTunnel(link, own))
      .flatMap((link) => tunnelOf(link, kernel.addresses)),
    foreignLinks: kernel.links
      .filter((link) => !isOwnTunnel(link, own) && (link.vxlan !== undefined || names.includes(link.name)))
      .map(({ index, name, vxlan }) => ({
        index,
        name,
        vni: vxlan?.id,
        port: vxlan?.port,
      })),
  };
}

function tunnelOf(link: KernelLink, addresses: readonly KernelAddress[]): PresentTunnel[] {
  const { index, name, mtu, up, mac = '', vxlan } = link;
  if (vxlan === undefined) {
    return [];
  }
  const { id: vni, port, learning, local } = vxlan;
  return [
    {
      index,
      marked: isOwnTunnel(link),
      name,
      vni,
      port,
      learning,
      mac,
      mtu,
      up,
      local,
      addresses: addresses
        .filter((entry) => entry.index === index && !isLinkLocal(entry.address))
        .map(({ address }) => address),
    },
  ];
}

const length = (dst: string): number => parseNetwork(dst)?.length ?? 0;
const bare = ({ address }: KernelAddress): string => address.split('/')[0]!;

function egressOf({ index, name, mtu }: KernelLink): EgressInterface {
  return { index, name, mtu };
}

/** Returns the links of a family's default routes, least metric first. */
function defaultLinks(routes: readonly KernelRoute[], family: Family): number[] {
  const dst = family === 'ipv4' ? '0.0.0.0/0' : '::/0';
  return routes
    .filter((route) => route.dst === dst && route.type === RTN_UNICAST)
    .sort((a, b) => a.priority - b.priority)
    .flatMap(({ oif, otherOifs = [] }) => (oif === undefined ? [] : [oif, ...otherOifs]));
}

/** True when the desired state is the same for both. */
export function sameFacts(a: HostFacts, b: HostFacts): boolean {
  return JSON.stringify(flat(a)) === JSON.stringify(flat(b));
}

function flat(facts: HostFacts): unknown {
  return [
    facts.egress,
    facts.egressInterfaces,
    facts.table,
    [...facts.localAddresses].sort(),
    facts.hasPods,
    facts.tunnels,
    facts.foreignLinks,
  ];
}

/** True for events that may change the facts. Events of pods do not. */
export function concerns(facts: HostFacts, event: KernelEvent): boolean {
  switch (event.type) {
    case 'overflow':
      return true;
    case 'link':
      return [...facts.table.map(({ oif }) => oif), ...watched(facts)].includes(event.index);
    case 'address':
      return !isLinkLocal(event.address);
    case 'route':
      return !isLinkLocal(event.route.dst);
    case 'neighbour':
      return false;
  }
}

const watched = ({ tunnels, foreignLinks }: HostFacts): number[] =>
  [...tunnels, ...foreignLinks].map(({ index }) => index);

/** True for link-local addresses and routes, which every interface has and no node is reached by. */
const isLinkLocal = (text: string): boolean => /^fe[89ab]/i.test(text);
