import { expect, test } from 'vitest';
import { sysctlFile } from './sysctl-key.ts';

test.each([
  ['net.core.somaxconn', 'net/core/somaxconn'],
  ['net/core/somaxconn', 'net/core/somaxconn'],
  ['net.ipv4.conf.IFNAME.rp_filter', 'net/ipv4/conf/eth0.5/rp_filter'],
  ['net/ipv4/conf/eth1.7/rp_filter', 'net/ipv4/conf/eth1.7/rp_filter'],
])('sysctlFile(%j) is /proc/sys/%s', (key, file) => {
  expect(sysctlFile(key, 'eth0.5')).toBe(`/proc/sys/${file}`);
});

test.each([
  '',
  'net',
  'kernel.hostname',
  'net..core',
  'net/../kernel/hostname',
  'net/./x',
  '/net/x',
  'network.x',
])('sysctlFile(%j) throws', (key) => {
  expect(() => sysctlFile(key, 'eth0')).toThrow(/invalid net sysctl key/);
});
