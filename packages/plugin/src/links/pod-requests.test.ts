import { newAddress, newRoute, type Request } from '@cnikit/netlink';
import { IFA_F_NOPREFIXROUTE } from '@cnikit/netlink/constants';
import { expect, test } from 'vitest';
import { addressRequest, routeRequest } from './pod-requests.ts';

const parts = ({ type, flags, payload, describe }: Request) => ({ type, flags, payload, describe });

test.each([0, IFA_F_NOPREFIXROUTE, 1])(
  'addressRequest() makes the bytes of newAddress() with flags %i',
  (flags) => {
    const made = ['10.1.2.3/24', '10.1.2.3/32', 'fd00::2/64'].flatMap((address) => [
      parts(addressRequest(7, address, flags, true)),
      parts(addressRequest(7, address, flags, false)),
    ]);
    const of = (address: string, rest: { broadcast?: string; nodad?: boolean }) =>
      parts(newAddress({ index: 7, address, flags, ...rest }));
    const wide = of('10.1.2.3/24', { broadcast: '10.1.2.255' });
    const single = of('10.1.2.3/32', {});
    const ipv6 = [of('fd00::2/64', { nodad: true }), of('fd00::2/64', {})];
    expect(made).toEqual([wide, wide, single, single, ...ipv6]);
  },
);

test.each([
  { dst: '0.0.0.0/0', gw: '10.1.2.1' },
  { dst: '::/0', gw: 'fd00::1' },
  { dst: '0.0.0.0/0', gw: 'fd00::1' },
  { dst: '0.0.0.0/0' },
  { dst: '10.0.0.0/8', gw: '10.1.2.1' },
  { dst: '0.0.0.0/0', gw: '10.1.2.1', priority: 7 },
  { dst: '0.0.0.0/0', gw: '10.1.2.1', table: 100 },
  { dst: '0.0.0.0/0', gw: '10.1.2.1', scope: 0 },
])('routeRequest() makes the bytes of newRoute() for %j', ({ gw, ...route }) => {
  const expected = newRoute({
    ...route,
    oif: 7,
    ...(gw !== undefined && { via: gw }),
    ...(gw ? {} : { family: 'ipv4' }),
  });
  expect(parts(routeRequest(7, { gw, ...route } as never))).toEqual(parts(expected));
});

test('routeRequest() sends the MTU and the segment size as metrics', () => {
  const expected = newRoute({ dst: '::/0', via: 'fd00::1', oif: 7, metrics: { mtu: 1400, advmss: 1300 } });
  const route = { dst: '::/0', gw: 'fd00::1', mtu: 1400, advmss: 1300 };
  expect(parts(routeRequest(7, route))).toEqual(parts(expected));
});
