import { expect, test } from 'vitest';
import { linkLocalAddress, macOfAddress, randomMac } from './mac.ts';

test.each([
  // From `ip -6 address show` of links with these addresses, Linux 6.18.
  ['02:00:00:00:00:01', 'fe80::ff:fe00:1'],
  ['52:54:00:12:34:56', 'fe80::5054:ff:fe12:3456'],
])('linkLocalAddress(%s) is what the kernel makes', (mac, address) => {
  expect(linkLocalAddress(mac)).toBe(address);
});

test('randomMac() is unicast and locally administered for any bytes', () => {
  for (let first = 0; first < 256; first++) {
    const sys = { randomBytes: () => Uint8Array.of(first, 0, 1, 15, 16, 255) } as never;
    const mac = randomMac(sys);
    expect(mac).toMatch(/^[0-9a-f]{2}:00:01:0f:10:ff$/);
    expect(Number.parseInt(mac, 16) & 3).toBe(2);
  }
});

test.each([
  ['10.244.1.7/24', '0a:58:0a:f4:01:07'],
  // From `printf %s fd00::7 | sha512sum`.
  ['fd00::7/64', '1e:7a:36:40:7a:a4'],
  ['FD00:0::7/128', '1e:7a:36:40:7a:a4'],
])('macOfAddress(%s) is %s with any prefix length', (address, mac) => {
  expect(macOfAddress(address)).toBe(mac);
});
