import { NetlinkError, newNeighbour } from '@cnikit/netlink';
import { expect, test } from 'vitest';
import { sendNeighbours } from './host-neighbours.ts';

const neighbour = newNeighbour({ index: 3, address: '10.1.0.2', mac: '02:00:00:00:00:01' });
const [ENOBUFS, EEXIST] = [105, 17];

/** A host that refuses neighbours with these errors. */
const hostThatRefuses = (...refusals: number[]) => ({
  batchSettled: () =>
    refusals.map((errno) => new NetlinkError({ errno, problem: 'Kernel refused', request: neighbour })),
});

test('sendNeighbours() ignores neighbours that a full table refuses', () => {
  sendNeighbours(hostThatRefuses(ENOBUFS, ENOBUFS), [neighbour, neighbour]);
});

test.each([[[EEXIST]], [[ENOBUFS, EEXIST]]])(
  'sendNeighbours() throws another of the errors %j',
  (refusals) => {
    expect(() => sendNeighbours(hostThatRefuses(...refusals), [neighbour, neighbour])).toThrow(
      expect.objectContaining({ code: 'EEXIST' }),
    );
  },
);
