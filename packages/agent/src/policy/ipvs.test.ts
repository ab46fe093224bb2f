import { expect, test } from 'vitest';
import { hasIpvs, ipvsProblems } from './ipvs.ts';

const LINK = '/sys/class/net/kube-ipvs0';
const node = (tracking: string, ...paths: string[]) => ({
  exists: (path: string) => ['/proc/net/ip_vs', ...paths].includes(path),
  read: (path: string) => (path === '/proc/sys/net/ipv4/vs/conntrack' ? tracking : ''),
});

test('hasIpvs() looks for the file of the kernel module', () => {
  expect(hasIpvs(node('1\n'))).toBe(true);
  expect(hasIpvs({ exists: () => false })).toBe(false);
});

test('ipvsProblems() reports Services whose connections are not tracked', () => {
  expect(ipvsProblems(node('0\n', LINK))).toMatchObject([
    {
      kind: 'policy-ipvs',
      severity: 'warning',
      message: expect.stringContaining('net.ipv4.vs.conntrack is 0'),
    },
  ]);
});

test.each([
  ['tracked connections', node('1\n', LINK)],
  ['a kernel with ipvs that kube-proxy does not use', node('0\n')],
  ['a kernel without ipvs', { ...node('0\n'), exists: () => false }],
])('ipvsProblems() accepts %s', (_, facts) => {
  expect(ipvsProblems(facts)).toEqual([]);
});
