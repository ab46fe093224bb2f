import { expect, test } from 'vitest';
import { sysctlName } from './sysctl-name.ts';

test.each([
  ['net/ipv4/ip_forward', 'net.ipv4.ip_forward'],
  ['net/ipv6/conf/eth0/accept_ra', 'net.ipv6.conf.eth0.accept_ra'],
  ['net/ipv4/conf/eth0.100/rp_filter', 'net/ipv4/conf/eth0.100/rp_filter'],
])('sysctlName(%s) is %s', (key, name) => {
  expect(sysctlName(key)).toBe(name);
});
