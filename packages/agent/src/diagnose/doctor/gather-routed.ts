import { readFileSync } from 'node:fs';
import type { RtnetlinkConnection } from '@cnikit/netlink';
import { RT_TABLE_MAIN } from '@cnikit/netlink/constants';
import { openNftables } from '@cnikit/netlink/nftables';
import { BRIDGE_NAME, isRoutedEnd, mayUseForeignSources, POD_GUARD_TABLE } from '../../core/names.ts';
import { podEnds } from '../../repair/pod-layouts.ts';
import type { LinkFacts, RoutedFacts } from './facts.ts';

/** Rules of each chain of the guard. */
const GUARD_RULES = 2;

/** Reads what pods of the layout `routed` need; undefined when none runs. */
export function gatherRouted(rt: RtnetlinkConnection, links: readonly LinkFacts[]): RoutedFacts | undefined {
  const ends = podEnds(links);
  const routedEnds = ends.filter(isRoutedEnd);
  const routed = new Set(routedEnds.map(({ index }) => index));
  if (routed.size === 0) {
    return undefined;
  }
  const foreign = routedEnds.filter(mayUseForeignSources);
  const routes = rt
    .routes({ table: RT_TABLE_MAIN })
    .filter(({ oif }) => oif !== undefined && routed.has(oif));
  const bridge = links.find(({ name, kind }) => name === BRIDGE_NAME && kind === 'bridge');
  const hasPorts = bridge !== undefined && ends.some(({ master }) => master === bridge.index);
  return {
    routes: routes.map(({ dst, oif }) => ({ dst, oif })),
    guard: hasGuard([
      ...(foreign.length < routedEnds.length ? ['prerouting'] : []),
      ...(foreign.length > 0 ? ['foreign'] : []),
    ]),
    strictEnds: foreign.filter((end) => filtersStrictly(rt, end)).map(({ name }) => name),
    bridge: hasPorts
      ? {
          proxyArp: isOn('ipv4', 'proxy_arp'),
          proxyNdp: isOn('ipv6', 'proxy_ndp'),
          proxies: rt.neighbours({ index: bridge.index, proxy: true }).map(({ address }) => address ?? ''),
        }
      : undefined,
  };
}

function isOn(family: 'ipv4' | 'ipv6', setting: string): boolean {
  try {
    return readFileSync(`/proc/sys/net/${family}/conf/${BRIDGE_NAME}/${setting}`, 'utf8').trim() !== '0';
  } catch {
    // The bridge has gone, or the kernel lacks the family.
    return true;
  }
}

/** The kernel takes the greater value, and a loose filter is strict on a link without an IPv4 address. */
function filtersStrictly(rt: RtnetlinkConnection, { index, name }: LinkFacts): boolean {
  try {
    const value = Math.max(
      ...['all', name].map((link) =>
        Number(readFileSync(`/proc/sys/net/ipv4/conf/${link}/rp_filter`, 'utf8')),
      ),
    );
    return value === 1 || (value === 2 && rt.addresses({ index, family: 'ipv4' }).length === 0);
  } catch {
    // The pod has ended.
    return false;
  }
}

/** Returns undefined without nftables or without permission. */
function hasGuard(chains: readonly string[]): boolean | undefined {
  try {
    using nft = openNftables();
    return chains.every((name) => {
      const chain = nft.chain({ family: 'inet', table: POD_GUARD_TABLE, name });
      return (chain?.use ?? 0) >= GUARD_RULES;
    });
  } catch {
    return undefined;
  }
}
