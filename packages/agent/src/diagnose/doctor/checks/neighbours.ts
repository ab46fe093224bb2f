import { type Check, failure } from '../finding.ts';

export const neighbours: Check = {
  name: 'neighbours',
  // In a large cluster only a sample is probed: the size of the neighbour table is limited.
  good: ({ peers, peerCount }) =>
    `All next hops answer: ${peers.length} of ${peerCount} addresses of other nodes probed.`,
  skips: ({ peerCount }) => (peerCount === 0 ? 'There is no other node to probe.' : undefined),
  find: ({ peers }) =>
    peers.flatMap(({ node, address, dev, hop, neighbour }) => {
      if (neighbour === 'none') {
        return failure(
          `No route to ${address} of node ${node}.`,
          'Add a route to it, or a default route, on this node.',
        );
      }
      if (neighbour === 'reachable') {
        return [];
      }
      const who =
        hop === address ? `${address} of node ${node}` : `${hop}, the gateway to ${address} of node ${node},`;
      return failure(
        `${who} does not answer on ${dev}: its hardware address cannot be resolved.`,
        'Check that the machine is up, that both are on the same L2 network or VLAN, and that no switch or packet filter drops ARP or neighbour discovery.',
      );
    }),
};
