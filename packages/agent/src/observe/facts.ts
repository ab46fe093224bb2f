/** Derives the facts that the desired state depends on from the kernel's tables. Pure. */

import { type Family, families, parseNetwork } from '@cnikit/ip';
import { hostVethPrefix } from '@cnikit/plugin';
import type { ChangedLink, KernelEvent } from '../core/kernel.ts';
import {
  type HostFacts,
  type KernelAddress,
  type KernelLink,
  type KernelRoute,
  type KernelState,
  type PresentTunnel,
  RTN_UNICAST,
  type TunnelSettings,
} from '../core/model.ts';
import {
  BRIDGE_NAME,
  defaultTunnel,
  NETWORK_NAME,
  POD_ROUTE_PROTOCOL,
  ROUTE_PROTOCOL,
  tunnelName,
} from '../core/names.ts';
import { isOwnTunnel, tunnelMac } from '../core/tunnel-mark.ts';

/** Prefix of the names of pods' host ends. */
const POD_LINK = hostVethPrefix(NETWORK_NAME);

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
    ({ protocol, dst }) =>
      protocol !== ROUTE_PROTOCOL && protocol !== POD_ROUTE_PROTOCOL && !isLinkLocal(dst),
  );
  const egress: HostFacts['egress'] = {};
  const egressInterfaces: HostFacts['egressInterfaces'] = { ipv4: [], ipv6: [] };
  const mtus = linkMtus(kernel.links);
  const mtuOf = ({ oif, otherOifs = [], mtu }: KernelRoute): number | undefined => {
    const all = [oif, ...otherOifs].flatMap((index) => mtus.get(index ?? 0) ?? []);
    return all.length === 0 ? undefined : Math.min(...all, mtu ?? Number.POSITIVE_INFINITY);
  };
  for (const family of families) {
    const routes = defaultRoutes(foreign, family);
    const links =
      outsideInterface === undefined
        ? routes
            .flatMap(({ oif, otherOifs = [] }) => [oif!, ...otherOifs])
            .flatMap((index) => byIndex.get(index) ?? [])
        : kernel.links.filter(({ name }) => name === outsideInterface);
    if (links[0] !== undefined) {
      const { index, name } = links[0];
      const mtu = outsideInterface === undefined ? mtuOf(routes[0]!) : mtus.get(index);
      egress[family] = { index, name, mtu: mtu ?? links[0].mtu };
    }
    egressInterfaces[family] = [...new Set(links.map(({ name }) => name))];
  }
  const bridge = kernel.links.find(({ name }) => name === BRIDGE_NAME)?.index;
  const local = kernel.addresses.filter(
    ({ address, index }) => !isLinkLocal(address) && byIndex.get(index)?.name !== SERVICES_LINK,
  );
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
        noArp: byIndex.get(route.oif ?? 0)?.noArp === true ? (true as const) : undefined,
        mtu: mtuOf(route),
      }))
      .sort((a, b) => length(b.dst) - length(a.dst)),
    localAddresses: new Map(local.map((entry) => [bare(entry), mtus.get(entry.index) ?? 0])),
    addressLinks: new Map(
      local.map((entry) => [bare(entry), byIndex.get(entry.index)?.name ?? `#${entry.index}`]),
    ),
    raLinks: raLinks(kernel, foreign, egress.ipv6?.index).filter(({ name }) => !names.includes(name)),
    ports: portsOf(kernel.links, foreign),
    hasPods: bridge !== undefined || kernel.links.some(({ name }) => name.startsWith(POD_LINK)),
    hasRoutedPods: kernel.routes.some(({ protocol }) => protocol === POD_ROUTE_PROTOCOL),
    routedPods: routedPodsOf(kernel.routes),
    bridge,
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

function routedPodsOf(routes: readonly KernelRoute[]): HostFacts['routedPods'] {
  const samples: HostFacts['routedPods'] = {};
  for (const { family, dst, oif, protocol } of routes) {
    if (protocol === POD_ROUTE_PROTOCOL && oif !== undefined) {
      samples[family] ??= { address: dst.split('/')[0]!, link: oif };
    }
  }
  return samples;
}

function tunnelOf(link: KernelLink, addresses: readonly KernelAddress[]): PresentTunnel[] {
  const { index, name, mtu, up, master, mac = '', vxlan } = link;
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
      master,
      local,
      addresses: addresses
        .filter((entry) => entry.index === index && !isLinkLocal(entry.address))
        .map(({ address }) => address),
    },
  ];
}

const length = (dst: string): number => parseNetwork(dst)?.length ?? 0;
const bare = ({ address }: KernelAddress): string => address.split('/')[0]!;

/**
 * Returns the MTU that packets may have on each link. A bridge forwards no frame that is too big for the port,
 * and keeps an MTU that an administrator set. Pods' bridge and loopback lead to no other hosts.
 */
function linkMtus(links: readonly KernelLink[]): Map<number, number> {
  const mtus = new Map(links.filter(carriesOthers).map(({ index, mtu }) => [index, mtu]));
  for (const { master, mtu } of links) {
    const own = master === undefined ? undefined : mtus.get(master);
    if (own !== undefined && mtu < own) {
      mtus.set(master!, mtu);
    }
  }
  return mtus;
}

const carriesOthers = ({ name }: KernelLink): boolean => name !== BRIDGE_NAME && name !== 'lo';

function portsOf(links: readonly KernelLink[], routes: readonly KernelRoute[]): number[] {
  const bridge = links.find(({ name }) => name === BRIDGE_NAME)?.index;
  const used = new Set(routes.flatMap(({ oif, otherOifs = [] }) => [oif, ...otherOifs]));
  return links
    .filter(({ master }) => master !== undefined && master !== bridge && used.has(master))
    .map(({ index }) => index);
}

/** Kinds of links to a network that may have a router. Links to pods and containers have none. */
const NETWORK_KINDS: ReadonlySet<string | undefined> = new Set([
  undefined,
  'bond',
  'ipvlan',
  'macvlan',
  'team',
  'vlan',
]);

/**
 * Returns the links that may live by router advertisements: devices, which may not have heard their router yet,
 * and others with a route from an advertisement or with the default route. Links to containers never count
 * otherwise: a container could advertise itself as the node's router.
 */
function raLinks(
  { links }: KernelState,
  routes: readonly KernelRoute[],
  egress: number | undefined,
): HostFacts['raLinks'] {
  const advertised = new Set(
    routes.flatMap(({ protocol, oif, family }) => (protocol === 'ra' && family === 'ipv6' ? [oif] : [])),
  );
  return links
    .filter(({ index, kind, master, noArp, name, vxlan }) => {
      const network = NETWORK_KINDS.has(kind) && vxlan === undefined && noArp !== true && name !== 'lo';
      return advertised.has(index) || index === egress || (network && master === undefined);
    })
    .filter(({ name }) => name !== BRIDGE_NAME)
    .map(({ index, name }) => ({ index, name }));
}

/** Destinations that together replace a default route: VPNs add them to leave the default route alone. */
const DEFAULTS = {
  ipv4: ['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1'],
  ipv6: ['::/0', '::/1', '8000::/1', '2000::/3'],
} as const;

/** Returns a family's default routes in the kernel's order: the longest prefix, then the least metric, first. */
function defaultRoutes(routes: readonly KernelRoute[], family: Family): KernelRoute[] {
  const all: readonly string[] = DEFAULTS[family];
  return routes
    .filter(({ dst, type, oif }) => all.includes(dst) && type === RTN_UNICAST && oif !== undefined)
    .sort((a, b) => length(b.dst) - length(a.dst) || a.priority - b.priority);
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
    [...facts.addressLinks].sort(),
    facts.raLinks,
    facts.ports,
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
      return usedLinks(facts).includes(event.index) || appeared(event.link);
    case 'setting':
      return undoesSetting(facts, event);
    case 'address':
      return !isLinkLocal(event.address);
    case 'route':
      return event.route.protocol !== POD_ROUTE_PROTOCOL && !isLinkLocal(event.route.dst);
    case 'neighbour':
      return false;
  }
}

const usedLinks = (facts: HostFacts): (number | undefined)[] => [
  ...facts.table.map(({ oif }) => oif),
  ...facts.ports,
  ...facts.raLinks.map(({ index }) => index),
  ...watched(facts),
];

/** True for a link that may live by router advertisements, which the facts do not have yet. */
function appeared(link: ChangedLink | undefined): boolean {
  return (
    link?.op === 'new' &&
    NETWORK_KINDS.has(link.kind) &&
    link.master === undefined &&
    link.name !== 'lo' &&
    link.name !== BRIDGE_NAME
  );
}

/** True when forwarding is off, or a filter strict, on all links or on one that packets of pods may use. */
function undoesSetting(
  facts: HostFacts,
  { family, link, forwarding, rpFilter }: Extract<KernelEvent, { type: 'setting' }>,
): boolean {
  const undone = forwarding === false || rpFilter === STRICT;
  // IPv6 forwards on all links or on none.
  const one =
    family === 'ipv4' && (link === facts.bridge || usedLinks(facts).some((index) => index === link));
  return undone && (link === 'all' || one);
}

/** Value of rp_filter. */
const STRICT = 1;

const watched = ({ tunnels, foreignLinks }: HostFacts): number[] =>
  [...tunnels, ...foreignLinks].map(({ index }) => index);

/** True for link-local addresses and routes, which every interface has and no node is reached by. */
const isLinkLocal = (text: string): boolean => /^fe[89ab]/i.test(text);
