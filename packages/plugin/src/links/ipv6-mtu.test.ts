import { CniError, ErrorCode } from '@cnikit/cni-spec';
import { expect, test } from 'vitest';
import type { PodIpam } from '../ipam/pod-ipam.ts';
import { checkMtu, withMtuReason } from './ipv6-mtu.ts';

const error = new Error('EINVAL');
const IPV4 = { address: '10.0.0.2/24' };
const IPV6 = { address: 'fd00::2/64' };

test.each([
  ['the default MTU', 0, [IPV6]],
  ['an MTU that IPv6 can use', 1280, [IPV6]],
  ['IPv4 addresses', 1279, [IPV4]],
  ['an error before there are addresses', 1279, undefined],
])('withMtuReason() returns the error for %s', (_, mtu, ips) => {
  expect(withMtuReason(error, mtu, ips)).toBe(error);
});

test('withMtuReason() returns an error that the plugin has words for', () => {
  const named = new CniError(ErrorCode.Internal, 'The node already has a route', 'Delete it');
  expect(withMtuReason(named, 1279, [IPV6])).toBe(named);
});

test('withMtuReason() names an MTU that is too small for one of the addresses', () => {
  const named = withMtuReason(error, 1279, [IPV4, IPV6]) as CniError;
  expect(named).toBeInstanceOf(CniError);
  expect(named).toMatchObject({ code: ErrorCode.InvalidNetworkConfig, cause: error });
  expect(named.message).toMatch(/MTU 1279 .*1280: EINVAL$/);
});

const ipam = (givesIPv6?: () => boolean) => ({ givesIPv6 }) as unknown as PodIpam;

test.each([
  ['the default MTU', 0, ipam(() => true)],
  ['an MTU that IPv6 can use', 1280, ipam(() => true)],
  ['IPv4 ranges', 1279, ipam(() => false)],
  ['ranges that are unknown', 1279, ipam()],
  ['no addresses', 1279, undefined],
])('checkMtu() accepts %s', (_, mtu, of) => {
  checkMtu(mtu, of);
});

test('checkMtu() refuses an MTU that is too small for IPv6 ranges', () => {
  expect(() =>
    checkMtu(
      1279,
      ipam(() => true),
    ),
  ).toThrow(
    expect.objectContaining({
      code: ErrorCode.InvalidNetworkConfig,
      message: 'The MTU 1279 is too small for IPv6, which needs 1280',
    }),
  );
});
