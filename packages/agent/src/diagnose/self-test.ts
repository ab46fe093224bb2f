/**
 * Checks that packets to pods take the agent's routes: a policy rule or a more specific route may divert them. It asks the
 * kernel for each kind of packet: those of this node, those with its address as source, those of its pods, and those of
 * pods on other nodes to its pods.
 */

import { addressAt, type Family, families, familyOf, formatAddress, parseNetwork } from '@cnikit/ip';
import type { NodeRoute, PodSample, TestedState } from '../core/model.ts';
import { type Problem, problem } from '../core/problem.ts';

/** A packet: its destination, and its source and the link that it arrives on, where these are given. */
export interface Packet {
  dst: string;
  src?: string | undefined;
  iif?: number | undefined;
}

/** Returns the kernel's route for a packet. Throws with the errno's name in `code` when there is none. */
export type Lookup = (packet: Packet) => { via?: string; oif?: number } | undefined;

/** Routes per pass. The next pass continues after them, so that the cost does not grow with the cluster. */
const MAX_PER_PASS = 64;
/** Routes of these that are tested for each kind of packet. */
const MAX_KINDS = 16;

export function createSelfTest(lookup: Lookup): (state: TestedState) => Problem[] {
  let at = 0;
  return (state) => {
    const all = [...state.routes.values()];
    const tested = Math.min(MAX_PER_PASS, all.length);
    const now = Array.from({ length: tested }, (_, i) => all[(at + i) % all.length]!);
    const judged = judge(now, state, lookup);
    const wrong = judged.flatMap((one) => one.wrong ?? []);
    const kinds = judged.slice(0, MAX_KINDS).map(({ route }) => route);
    const others = Object.entries(packetKinds(state, lookup)).flatMap(([what, packetOf]) =>
      divertedKind(lookup, what, kinds, packetOf),
    );
    // After a failure the same routes are tested again, so that the problem clears as soon as it is repaired.
    if (wrong.length === 0 && others.length === 0) {
      at += tested;
      return [];
    }
    // The same rule diverts the others too.
    if (wrong.length === 0) {
      return others;
    }
    const isLost = (family: Family): boolean => {
      const isOfFamily = ({ dst }: NodeRoute): boolean => familyOf(dst) === family;
      const isAstray = ({ wrong }: Judged): boolean => wrong !== undefined;
      const tried = judged.filter(({ route }) => isOfFamily(route));
      const isOwnAddress = ({ route }: Judged): boolean => state.isLocal?.(address(route.dst, 1)) === true;
      if (!tried.every(isAstray) || tried.every(isOwnAddress)) {
        return false;
      }
      // This pass may have tested one of many.
      const more = all.filter((route) => isOfFamily(route) && !now.includes(route)).slice(0, MAX_PER_PASS);
      return judge(more, state, lookup).every(isAstray);
    };
    const message = `Packets do not take ${wrong.length} of ${judged.length} tested routes, such as ${wrong[0]}. A rule in \`ip rule\`, a more specific route or an address of this node diverts them`;
    // A fault that concerns some nodes must not stop this one.
    return families.some(isLost)
      ? [problem('self-test', '', message)]
      : [problem('diverted-packets', 'some routes', message)];
  };
}

/** A route, and where its packets go instead; undefined when they take it. */
interface Judged {
  route: NodeRoute;
  wrong: string | undefined;
}

/** Asks where packets to each route's first address go. Leaves out routes whose packets a foreign route takes. */
const judge = (routes: readonly NodeRoute[], { isShadowed }: TestedState, lookup: Lookup): Judged[] =>
  routes
    .map((route) => ({ route, wrong: diverted(lookup, route, { dst: address(route.dst, 1) }) }))
    .filter(({ route, wrong }) => wrong === undefined || isShadowed?.(route.dst) !== true);

/** A packet that must take a route, and where it must go if not by the route. Undefined: there is none. */
type PacketOf = (route: NodeRoute) => { packet: Packet; to?: number } | undefined;

/** Returns the kinds of packets besides those of this node without a given source. */
function packetKinds(
  { own, bridge, routedPods, isLocal = () => false }: TestedState,
  lookup: Lookup,
): Record<string, PacketOf> {
  const local = (family: Family): string | undefined =>
    own?.internalIPs.find((ip) => familyOf(ip) === family && isLocal(ip));
  /** A routed pod, or an address behind the bridge while that has the gateway. */
  const pod = (family: Family): PodSample | undefined => {
    const routed = routedPods?.[family];
    if (routed !== undefined) {
      return leadsTo(lookup, routed) ? routed : undefined;
    }
    const cidr = own?.podCIDRs.find((each) => familyOf(each) === family);
    return cidr !== undefined && bridge !== undefined && isLocal(address(cidr, 1))
      ? { address: address(cidr, 2), link: bridge }
      : undefined;
  };
  return {
    'Packets with the address of this node as source': ({ dst }) => {
      const src = local(familyOf(dst));
      return src === undefined ? undefined : { packet: { dst: address(dst, 1), src } };
    },
    'Packets of pods on this node': ({ dst }) => {
      const source = pod(familyOf(dst));
      return source === undefined
        ? undefined
        : { packet: { dst: address(dst, 1), src: source.address, iif: source.link } };
    },
    'Packets from pods on other nodes to pods on this node': ({ dst, oif }) => {
      const here = pod(familyOf(dst));
      return here === undefined || oif === 0
        ? undefined
        : { packet: { dst: here.address, src: address(dst, 2), iif: oif }, to: here.link };
    },
  };
}

/** Returns false for a pod that has ended. */
function leadsTo(lookup: Lookup, { address, link }: PodSample): boolean {
  try {
    return lookup({ dst: address })?.oif === link;
  } catch {
    return false;
  }
}

function divertedKind(
  lookup: Lookup,
  what: string,
  routes: readonly NodeRoute[],
  packetOf: PacketOf,
): Problem[] {
  const tested = routes.flatMap((route) => {
    const packet = packetOf(route);
    return packet === undefined ? [] : [{ route, ...packet }];
  });
  const wrong = tested.flatMap(({ route, packet, to }) => diverted(lookup, route, packet, to) ?? []);
  return wrong.length === 0
    ? []
    : [
        problem(
          'diverted-packets',
          what,
          `${what} do not take ${wrong.length} of ${tested.length} tested routes, such as ${wrong[0]}. A rule in \`ip rule\` by source or interface, or a reverse path filter, diverts or drops them`,
        ),
      ];
}

/** Returns an address of a prefix, or its only one. */
function address(cidr: string, index: number): string {
  const prefix = parseNetwork(cidr)!;
  const free = prefix.address.length * 8 - prefix.length;
  return formatAddress(addressAt(prefix, free >= index ? index : 0));
}

/** Describes where a packet goes instead of the route, or instead of the link `to`; undefined when it goes right. */
function diverted(lookup: Lookup, route: NodeRoute, packet: Packet, to?: number): string | undefined {
  const wanted =
    to === undefined ? `${route.dst} via ${route.via} dev ${route.dev}` : `${packet.src} on ${route.dev}`;
  try {
    const got = lookup(packet);
    const right = to === undefined ? got?.oif === route.oif && got.via === route.via : got?.oif === to;
    if (right) {
      return undefined;
    }
    const hop = got?.via === undefined ? 'without a gateway' : `via ${got.via}`;
    return `${wanted}: ${packet.dst} goes ${hop} on link #${got?.oif}`;
  } catch (error) {
    return `${wanted}: ${(error as Error).message}`;
  }
}
