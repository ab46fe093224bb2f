import { expect, test } from 'vitest';
import { broadcastOf, firstHost, knownPrefix, overlap, subnetOf } from './prefix.ts';

test.each([
  ['10.0.0.1/24', '10.0.0.200/24', true],
  ['10.0.0.1/24', '10.0.1.1/24', false],
  ['10.0.0.1/23', '10.0.1.1/24', true],
  ['10.0.0.1/8', '10.255.0.1/30', true],
  ['10.0.0.1/27', '10.0.0.33/27', false],
  ['10.0.0.1/27', '10.0.0.31/32', true],
  ['0.0.0.0/0', '192.0.2.1/32', true],
  ['fd00::1/64', 'fd00::2/64', true],
  ['fd00::1/64', 'fd00:0:0:1::1/64', false],
  ['fd00::1/60', 'fd00:0:0:f::1/64', true],
  ['fd00::1/64', '10.0.0.1/8', false],
])('overlap(%s, %s) is %s, either way round', (a, b, expected) => {
  expect(overlap(knownPrefix(a), knownPrefix(b))).toBe(expected);
  expect(overlap(knownPrefix(b), knownPrefix(a))).toBe(expected);
});

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
