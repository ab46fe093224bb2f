import { expect, test } from 'vitest';
import { withDefaultRoutes, withNextHops } from './routes.ts';

const ips = [{ address: '10.0.0.2/24', gateway: '10.0.0.1' }, { address: 'fd00::2/64' }];

test('withDefaultRoutes() adds one for each family that has a gateway and none yet', () => {
  expect(withDefaultRoutes([], ips)).toEqual([{ dst: '0.0.0.0/0', gw: '10.0.0.1' }]);
  const own = [{ dst: '0.0.0.0/0' }, { dst: '192.0.2.0/24' }];
  expect(withDefaultRoutes(own, [...ips, { address: 'fd01::2/64', gateway: 'fd01::1' }])).toEqual([
    ...own,
    { dst: '::/0', gw: 'fd01::1' },
  ]);
});

test('withDefaultRoutes() ignores a default route of another table', () => {
  const other = { dst: '0.0.0.0/0', gw: '10.0.0.9', table: 100 };
  expect(withDefaultRoutes([other], ips)).toEqual([other, { dst: '0.0.0.0/0', gw: '10.0.0.1' }]);
  const main = { ...other, table: 254 };
  expect(withDefaultRoutes([main], ips)).toEqual([main]);
});

test('withNextHops() fills in the family’s gateway, and leaves a route to the link without one', () => {
  const routes = [{ dst: '192.0.2.0/24' }, { dst: '198.51.100.0/24', gw: '10.0.0.9' }, { dst: 'fd09::/64' }];
  expect(withNextHops(routes, ips)).toEqual([
    { dst: '192.0.2.0/24', gw: '10.0.0.1' },
    { dst: '198.51.100.0/24', gw: '10.0.0.9' },
    { dst: 'fd09::/64' },
  ]);
});
