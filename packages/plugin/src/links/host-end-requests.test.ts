import { NetlinkError, newNeighbour, newRoute, type Request } from '@cnikit/netlink';
import { expect, test } from 'vitest';
import { sendHostEnd } from './host-end-requests.ts';

const neighbour = newNeighbour({ index: 3, address: '10.1.0.2', mac: '02:00:00:00:00:01' });
const route = newRoute({ dst: '10.1.0.2/32', oif: 3 });
const [ENOBUFS, EEXIST] = [105, 17];

/** A host that refuses requests with these errors. */
const hostThatRefuses = (...refusals: [Request, number][]) => ({
  batch() {
    const failures = refusals.map(
      ([request, errno]) => new NetlinkError({ errno, problem: 'Kernel refused', request }),
    );
    if (failures[0] !== undefined) {
      failures[0].failures = failures;
      throw failures[0];
    }
  },
});

test('sendHostEnd() ignores neighbours that a full table refuses', () => {
  sendHostEnd(hostThatRefuses([neighbour, ENOBUFS], [neighbour, ENOBUFS]), [neighbour, route]);
});

test.each([
  ['another error of a neighbour', [[neighbour, EEXIST]], 'EEXIST'],
  [
    'a route that is refused after a neighbour',
    [
      [neighbour, ENOBUFS],
      [route, EEXIST],
    ],
    'EEXIST',
  ],
  ['a route for lack of memory', [[route, ENOBUFS]], 'ENOBUFS'],
] as [string, [Request, number][], string][])('sendHostEnd() throws %s', (_, refusals, code) => {
  expect(() => sendHostEnd(hostThatRefuses(...refusals), [neighbour, route])).toThrow(
    expect.objectContaining({ code }),
  );
});
