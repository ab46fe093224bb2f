import { hostVethName } from '@cnikit/plugin';
import { expect, test } from 'vitest';
import { describeLeak, findLeaks, type VethLink } from './find.ts';

const reservation = (containerID: string, address: string, changes = {}) => ({
  containerID,
  ifName: 'eth0',
  address,
  ...changes,
});
const veth = (containerID: string, changes: Partial<VethLink> = {}): VethLink => ({
  name: hostVethName('cnikit', containerID, 'eth0'),
  index: 7,
  peerHere: false,
  ...changes,
});
const keys = (...args: Parameters<typeof findLeaks>): string[] =>
  findLeaks(...args).map(
    (leak) => `${leak.kind} ${'link' in leak ? leak.link.name : leak.addresses.join(' ')}`,
  );

test('findLeaks() finds reservations without a link, with all addresses of an attachment', () => {
  const reservations = [
    reservation('a', '10.244.1.2'),
    reservation('b', '10.244.1.3'),
    reservation('b', 'fd00::3'),
    reservation('c', '10.244.1.4', { ifName: '' }),
    reservation('d', '10.244.1.5', { ifName: '' }),
  ];
  const leaks = keys('cnikit', reservations, [veth('a'), veth('c')]);
  expect(leaks).toEqual(['reservation 10.244.1.3 fd00::3', 'reservation 10.244.1.5']);
});

test('findLeaks() distinguishes links without a pod from those of running pods, and ignores foreign links', () => {
  const links = [
    veth('a'),
    veth('b', { peerHere: true }),
    veth('c'),
    { name: 'veth0123abcd', index: 1, peerHere: true },
    { name: hostVethName('other', 'x', 'eth0'), index: 2, peerHere: true },
    { name: 'eth0', index: 3, peerHere: true },
  ];
  expect(keys('cnikit', [reservation('a', '10.244.1.2')], links)).toEqual([
    `veth ${veth('b').name}`,
    `unreserved ${veth('c').name}`,
  ]);
});

test('describeLeak() names the pod if it is known', () => {
  const [known, unknown] = findLeaks(
    'cnikit',
    [reservation('a', '10.244.1.2', { pod: 'default/web-0' }), reservation('b', '10.244.1.3')],
    [],
  );
  expect(describeLeak(known!)).toBe(
    'reservation of 10.244.1.2 for pod default/web-0, whose network namespace is gone',
  );
  expect(describeLeak(unknown!)).toMatch(/for container b,/);
});

test('describeLeak() names the pod, the addresses and the reason of a container that the runtime lost', () => {
  const leak = {
    kind: 'sandbox',
    key: 'sandbox x',
    containerID: 'a',
    ifName: 'eth0',
    addresses: ['10.244.1.2', 'fd00::2'],
    reason: 'its pod has a new sandbox',
  } as const;
  expect(describeLeak({ ...leak, pod: 'default/web-0' })).toBe(
    'container a of pod default/web-0 with 10.244.1.2 and fd00::2, which the runtime lost: its pod has a new sandbox',
  );
  expect(describeLeak({ ...leak, addresses: [] })).toBe(
    'container a, which the runtime lost: its pod has a new sandbox',
  );
});
