import { formatAddress, formatPrefix } from '@cnikit/ip';
import { expect, test } from 'vitest';
import { parseCidr, parseIp } from './address.ts';

test.each([
  ['10.0.0.1', '10.0.0.1'],
  ['FD00:0:0::5', 'fd00::5'],
  ['::ffff:10.7.0.5', '10.7.0.5'],
  ['::10.7.0.5', '::a07:5'],
])('parseIp() reads %s as %s', (text, expected) => {
  expect(formatAddress(parseIp(text)!)).toBe(expected);
});

test.each(['', '10.0.0', '010.0.0.1', 'fe80::1%eth0', '10.0.0.1/8'])('parseIp() refuses %j', (text) => {
  expect(parseIp(text)).toBeUndefined();
});

test.each([
  ['10.7.0.5/8', '10.7.0.5/8'],
  ['10.7.0.5/08', '10.7.0.5/8'],
  ['::/0', '::/0'],
  ['::ffff:10.7.0.5/120', '10.7.0.5/24'],
  ['::ffff:10.7.0.5/64', '10.7.0.5/0'],
])('parseCidr() reads %s as %s', (text, expected) => {
  expect(formatPrefix(parseCidr(text)!)).toBe(expected);
});

test.each(['10.7.0.5', '10.7.0.5/', '10.7.0.5/33', '::/129', '::ffff:10.7.0.5/129', '/8', '10.7.0.5/24/24'])(
  'parseCidr() refuses %j',
  (text) => {
    expect(parseCidr(text)).toBeUndefined();
  },
);
