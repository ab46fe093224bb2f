import { expect, test } from 'vitest';
import type { Hop, PresentTunnel } from '../core/model.ts';
import { node } from '../testing/nodes.ts';
import { insideRoutes } from './inside-routes.ts';

const own = node(1);
const tunnels = [{ name: 'cnikit-vx' } as PresentTunnel];
const find = (...table: Hop[]): string[] =>
  insideRoutes(own, { table, tunnels }).map(({ message }) => message);

test.each<[string, Hop, string]>([
  [
    'a blackhole of the whole podCIDR',
    { dst: '10.244.1.0/24', gateway: true },
    'A route of another program drops packets to all pods of this node (10.244.1.0/24)',
  ],
  [
    'a longer route to another link',
    { dst: '10.244.1.64/26', oif: 7, dev: 'cali1', gateway: false },
    'A route of another program sends packets to cali1 that are for pods of this node with addresses in 10.244.1.64/26',
  ],
  [
    'a blackhole of IPv6',
    { dst: 'fd00:10:244:1:1::/80', gateway: true },
    'A route of another program drops packets to pods of this node with addresses in fd00:10:244:1:1::/80',
  ],
])('insideRoutes() reports %s', (_, hop, message) => {
  expect(find(hop)).toEqual([message]);
});

test('insideRoutes() accepts the routes of the bridge and the tunnel, and routes to other or larger networks', () => {
  expect(
    find(
      { dst: '10.244.1.0/24', oif: 3, dev: 'cni0', gateway: false },
      { dst: 'fd00:10:244:1::/128', oif: 4, dev: 'cnikit-vx', gateway: false },
      { dst: '10.244.0.0/16', gateway: true },
      { dst: '10.244.2.0/24', oif: 2, dev: 'eth0', gateway: true },
      { dst: '0.0.0.0/0', oif: 2, dev: 'eth0', gateway: true },
    ),
  ).toEqual([]);
});
