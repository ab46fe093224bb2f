/** Probes the paths to other nodes with packets: their next hops and MTU. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Link, type Neighbour, NetlinkError, type RtnetlinkConnection } from '@cnikit/netlink';
import {
  NUD_DELAY,
  NUD_FAILED,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_PROBE,
  NUD_REACHABLE,
  NUD_STALE,
} from '@cnikit/netlink/constants';
import { type Answer, ask } from './ask.ts';
import type { PathMtu, PeerFacts } from './facts.ts';

/** An address of another node, and the packet size that must reach it unfragmented. */
export interface Peer {
  node: string;
  address: string;
  size: number;
}

const MAX_CONCURRENT = 32;
const ANSWER_MS = 1000;
const SMALL = 64;
/** Longer than the kernel needs to give up a neighbour: 5 s of delay and 3 probes, one a second. */
const NEIGHBOUR_MS = 10_000;
const POLL_MS = 100;

const CONFIRMED = NUD_REACHABLE | NUD_NOARP | NUD_PERMANENT;
/** The kernel has a hardware address, but has not confirmed it lately. */
const UNCONFIRMED = NUD_STALE | NUD_DELAY | NUD_PROBE;
/** include/uapi/linux/if.h: the link uses no hardware addresses. */
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
  await Promise.all(Array.from({ length: Math.min(MAX_CONCURRENT, peers.length) }, worker));
  return facts;
}

async function probe(
  rt: RtnetlinkConnection,
  links: ReadonlyMap<number, Link>,
  { node, address, size }: Peer,
): Promise<PeerFacts> {
  const egress = routeTo(rt, address);
  if (egress?.oif === undefined) {
    return { node, address, size, neighbour: 'none', mtu: { result: 'silent' } };
  }
  const link = links.get(egress.oif);
  const hop = egress.via ?? address;
  const small = await probeTwice(address, SMALL);
  const mtu = pathMtu(small, await probeTwice(address, size));
  const answered = small.result === 'answered' || mtu.result === 'fits';
  const noArp = ((link?.flags ?? 0) & IFF_NOARP) !== 0;
  const found = answered || noArp || (await resolves(rt, egress.oif, hop));
  const dev = link?.name ?? `#${egress.oif}`;
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

async function probeTwice(address: string, size: number): Promise<Answer> {
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

/** Waits until the kernel has resolved or given up a neighbour that packets were just sent to. */
async function resolves(rt: RtnetlinkConnection, index: number, address: string): Promise<boolean> {
  const deadline = performance.now() + NEIGHBOUR_MS;
  for (;;) {
    const state = stateOf(rt.neighbours({ index }), address);
    if ((state & CONFIRMED) !== 0) {
      return true;
    }
    if ((state & NUD_FAILED) !== 0) {
      return false;
    }
    // Without traffic the kernel does not confirm an entry: then the unconfirmed one counts.
    if (performance.now() > deadline) {
      return (state & UNCONFIRMED) !== 0;
    }
    await pause(POLL_MS);
  }
}

const stateOf = (all: readonly Neighbour[], address: string): number =>
  all.find((neighbour) => neighbour.address === address)?.state ?? 0;
