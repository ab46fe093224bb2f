import { BRIDGE_NAME, isRoutedEnd } from '../../../core/names.ts';
import { podEnds } from '../../../repair/pod-layouts.ts';
import type { DoctorFacts, PeerFacts } from '../facts.ts';
import { type Check, type Finding, failure, findingOf, warning } from '../finding.ts';

const FIX =
  'Set the same MTU on the egress interfaces of all nodes: the largest that every switch and tunnel between them carries. The agent follows the change; pods that start afterwards use it.';

export const mtu: Check = {
  name: 'mtu',
  good: ({ peers }) => {
    const answered = peers.filter(fits);
    const sizes = [...new Set(answered.map(({ size }) => size))].join(' and ');
    return `Packets of ${sizes} bytes reach other nodes unfragmented: ${answered.length} of ${peers.length} addresses answered.`;
  },
  skips: ({ peers }) => {
    if (peers.length === 0) {
      return 'There is no path to another node whose MTU could be too small.';
    }
    return peers.some(fits)
      ? undefined
      : 'No node answered the probes (a packet filter may drop them), so the path MTU is unknown.';
  },
  find: ({ peers, links, desired }) => [
    ...(desired?.problems ?? []).filter(({ kind }) => kind === 'low-mtu').map(findingOf),
    ...peers.flatMap(peerFindings),
    ...bridgeFindings(peers, links),
    ...routedFindings(peers, links),
  ],
};

const fits = ({ mtu: { result } }: PeerFacts): boolean => result === 'fits';

function peerFindings({ node, address, size, mtu: path }: PeerFacts): Finding[] {
  const where = `${address} of node ${node}`;
  if (path.result === 'too-big') {
    const fits = path.fits === undefined ? '' : `; its MTU is ${path.fits}`;
    return [failure(`${size}-byte packets are too big for the path to ${where}${fits}.`, FIX)];
  }
  if (path.result !== 'lost') {
    return [];
  }
  const message = `${size}-byte packets to ${where} are silently dropped; small packets get through.`;
  return [failure(message, FIX)];
}

/** Returns the smallest MTU of the egress interfaces; Infinity without any. */
const leastMtu = (peers: readonly PeerFacts[], links: DoctorFacts['links']): number =>
  Math.min(...peers.flatMap(({ dev }) => links.find(({ name }) => name === dev)?.mtu ?? []));

function bridgeFindings(peers: readonly PeerFacts[], links: DoctorFacts['links']): Finding[] {
  const bridge = links.find(({ name }) => name === BRIDGE_NAME);
  const least = leastMtu(peers, links);
  if (bridge === undefined || !(bridge.mtu > least)) {
    return [];
  }
  return [
    warning(
      `The bridge ${BRIDGE_NAME} has MTU ${bridge.mtu}, but the egress interface has ${least}: pods started before that MTU was lowered.`,
      'Recreate the pods on this node, one after another.',
    ),
  ];
}

function routedFindings(peers: readonly PeerFacts[], links: DoctorFacts['links']): Finding[] {
  const least = leastMtu(peers, links);
  const larger = podEnds(links).filter((link) => isRoutedEnd(link) && link.mtu > least);
  return larger.length === 0
    ? []
    : [
        warning(
          `${larger.length} routed ${larger.length === 1 ? 'pod has' : 'pods have'} an MTU of up to ${Math.max(...larger.map(({ mtu }) => mtu))}, but the egress interface has ${least}: they started before that MTU was lowered.`,
          'Recreate the pods on this node, one after another.',
        ),
      ];
}
