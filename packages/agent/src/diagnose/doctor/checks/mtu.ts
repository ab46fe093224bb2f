import type { DoctorFacts, PeerFacts } from '../facts.ts';
import { type Check, type Finding, failure, warning } from '../finding.ts';

const FIX =
  'Give the outside interfaces of all nodes the same MTU, the least that every switch and tunnel between them carries. The agent follows it, and pods that start from then on have it.';

export const mtu: Check = {
  name: 'mtu',
  good: ({ peers }) => {
    const answered = peers.filter(({ mtu: { result } }) => result === 'fits');
    const sizes = [...new Set(answered.map(({ size }) => size))].join(' and ');
    return answered.length === 0
      ? 'No node answered a probe, as a packet filter may have it, so nothing is known of the MTU between nodes.'
      : `Packets of ${sizes} bytes reach other nodes whole: ${answered.length} of ${peers.length} addresses answered.`;
  },
  find: ({ peers, links }) => [...peers.flatMap(ofPeer), ...ofBridge(peers, links)],
};

function ofPeer({ node, address, size, mtu: path }: PeerFacts): Finding[] {
  const where = `${address} of node ${node}`;
  if (path.result === 'too-big') {
    const fits = path.fits === undefined ? '' : `; ${path.fits} would fit`;
    return [failure(`Packets of ${size} bytes are too big for the path to ${where}${fits}.`, FIX)];
  }
  if (path.result !== 'lost') {
    return [];
  }
  const message = `Packets of ${size} bytes to ${where} are lost without a word, while small ones are answered.`;
  return [failure(message, FIX)];
}

function ofBridge(peers: readonly PeerFacts[], links: DoctorFacts['links']): Finding[] {
  const bridge = links.find(({ name }) => name === 'cni0');
  const least = Math.min(...peers.flatMap(({ dev }) => links.find(({ name }) => name === dev)?.mtu ?? []));
  if (bridge === undefined || !(bridge.mtu > least)) {
    return [];
  }
  return [
    warning(
      `The bridge cni0 has MTU ${bridge.mtu}, more than the ${least} of the way out: its pods were started when that was larger.`,
      'Have the pods of this node made anew, one after another.',
    ),
  ];
}
