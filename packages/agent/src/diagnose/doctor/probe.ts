/** The way to other nodes, found out by packets: next hops, and the size that comes through. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Link, type Neighbour, NetlinkError, type RtnetlinkConnection } from '@cnikit/netlink';
import { type Answer, ask } from './ask.ts';
import type { PathMtu, PeerFacts } from './facts.ts';

/** An address of another node, and the size of packets that have to reach it whole. */
export interface Peer {
  node: string;
  address: string;
  size: number;
}

const AT_ONCE = 32;
const ANSWER_MS = 1000;
const SMALL = 64;
/** Longer than the kernel takes to give a neighbour up: 5 s of delay and 3 probes, one a second. */
const NEIGHBOUR_MS = 10_000;
const POLL_MS = 100;

/** include/uapi/linux/neighbour.h. */
const NUD = {
  INCOMPLETE: 0x01,
  REACHABLE: 0x02,
  STALE: 0x04,
  DELAY: 0x08,
  PROBE: 0x10,
  FAILED: 0x20,
  NOARP: 0x40,
  PERMANENT: 0x80,
};
const CERTAIN = NUD.REACHABLE | NUD.NOARP | NUD.PERMANENT;
/** Known, and perhaps not true any more. */
const DOUBTFUL = NUD.STALE | NUD.DELAY | NUD.PROBE;
/** include/uapi/linux/if.h: the link needs no hardware addresses. */
const IFF_NOARP = 0x80;

export async function probePeers(rt: RtnetlinkConnection, peers: readonly Peer[]): Promise<PeerFacts[]> {
  const links = new Map(rt.links().map((link) => [link.index, link]));
  const facts: PeerFacts[] = [];
  const queue = peers.entries();
  const worker = async (): Promise<void> => {
    for (const [i, peer] of queue) {
      facts[i] = await probe(rt, links, peer);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, peers.length) }, worker));
  return facts;
}

async function probe(
  rt: RtnetlinkConnection,
  links: ReadonlyMap<number, Link>,
  { node, address, size }: Peer,
): Promise<PeerFacts> {
  const way = routeTo(rt, address);
  if (way?.oif === undefined) {
    return { node, address, size, neighbour: 'none', mtu: { result: 'silent' } };
  }
  const link = links.get(way.oif);
  const hop = way.via ?? address;
  const small = await twice(address, SMALL);
  const mtu = pathMtu(small, await twice(address, size));
  const answered = small.result === 'answered' || mtu.result === 'fits';
  const needless = ((link?.flags ?? 0) & IFF_NOARP) !== 0;
  const found = answered || needless || (await resolves(rt, way.oif, hop));
  const dev = link?.name ?? `#${way.oif}`;
  return { node, address, dev, hop, size, neighbour: found ? 'reachable' : 'unresolved', mtu };
}

function routeTo(rt: RtnetlinkConnection, dst: string): { via?: string; oif?: number } | undefined {
  try {
    return rt.routeTo({ dst });
  } catch (error) {
    if (error instanceof NetlinkError) {
      return undefined;
    }
    throw error;
  }
}

async function twice(address: string, size: number): Promise<Answer> {
  const first = await ask(address, size, ANSWER_MS);
  return first.result === 'silent' ? ask(address, size, ANSWER_MS) : first;
}

function pathMtu(small: Answer, whole: Answer): PathMtu {
  if (whole.result === 'answered') {
    return { result: 'fits' };
  }
  if (whole.result === 'too-big') {
    return whole;
  }
  return { result: small.result === 'answered' ? 'lost' : 'silent' };
}

/** Whether the neighbour that packets were just sent to is there. */
async function resolves(rt: RtnetlinkConnection, index: number, address: string): Promise<boolean> {
  const deadline = performance.now() + NEIGHBOUR_MS;
  for (;;) {
    const state = stateOf(rt.neighbours({ index }), address);
    if ((state & CERTAIN) !== 0) {
      return true;
    }
    if ((state & NUD.FAILED) !== 0) {
      return false;
    }
    // Doubts are not cleared up where the kernel has no reason to ask: what it believes is then as good as true.
    if (performance.now() > deadline) {
      return (state & DOUBTFUL) !== 0;
    }
    await pause(POLL_MS);
  }
}

const stateOf = (all: readonly Neighbour[], address: string): number =>
  all.find((neighbour) => neighbour.address === address)?.state ?? 0;
