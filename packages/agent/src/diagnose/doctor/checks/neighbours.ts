import { type Check, failure } from '../finding.ts';

export const neighbours: Check = {
  name: 'neighbours',
  // Of a large cluster a sample is asked, as a neighbour table has a limit.
  good: ({ peers, peerCount }) =>
    `Every next hop answers: ${peers.length} of ${peerCount} addresses of other nodes were tried.`,
  find: ({ peers }) =>
    peers.flatMap(({ node, address, dev, hop, neighbour }) => {
      if (neighbour === 'none') {
        return failure(
          `There is no route to ${address} of node ${node}.`,
          'Give this node a route to it, or a default route.',
        );
      }
      if (neighbour === 'reachable') {
        return [];
      }
      const who =
        hop === address ? `${address} of node ${node}` : `${hop}, the gateway to ${address} of node ${node},`;
      return failure(
        `${who} does not answer on ${dev}: its hardware address could not be found.`,
        'Look whether that machine is up, whether both are on the same L2 network or VLAN, and whether a switch or packet filter drops ARP or neighbour discovery.',
      );
    }),
};
