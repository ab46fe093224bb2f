import { expect, test } from 'vitest';
import { broadcastOf, firstHost, subnetOf, withoutLength } from './prefix.ts';

test.each([
  ['10.1.2.3/24', '10.1.2.0/24', '10.1.2.1'],
  ['10.1.2.3/20', '10.1.0.0/20', '10.1.0.1'],
  ['10.1.2.255/32', '10.1.2.255/32', '10.1.3.0'],
  ['fd00::1:2/112', 'fd00::1:0/112', 'fd00::1:1'],
  ['192.0.2.9/0', '0.0.0.0/0', '0.0.0.1'],
])('subnetOf(%s) is %s, firstHost() %s', (address, subnet, first) => {
  expect(subnetOf(address)).toBe(subnet);
  expect(firstHost(address)).toBe(first);
});

test.each([
  ['10.1.2.3/24', '10.1.2.255'],
  ['10.1.2.3/20', '10.1.15.255'],
  ['10.1.2.3/30', '10.1.2.3'],
  ['10.1.2.3/31', undefined],
  ['10.1.2.3/32', undefined],
  ['fd00::1/64', undefined],
])('broadcastOf(%s) is %s', (address, expected) => {
  expect(broadcastOf(address)).toBe(expected);
});

test.each(['10.1.2.3/24', '10.1.2.3'])('withoutLength(%s) is 10.1.2.3', (address) => {
  expect(withoutLength(address)).toBe('10.1.2.3');
});
