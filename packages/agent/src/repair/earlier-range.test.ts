import { expect, test } from 'vitest';
import { isPodBridge, outdatedPods, staleGateways } from './earlier-range.ts';

const podCIDRs = ['10.244.1.0/24', 'fd00:10:244:1::/64'];
const running = (...addresses: string[]) =>
  addresses.map((address) => ({ address, containerID: 'c1', ifName: 'eth0', pod: 'default/web' }));
const gateway = (address: string) => ({ address, byPlugin: true });

test('outdatedPods() names each running pod with an address of an earlier podCIDR', () => {
  const problems = outdatedPods(
    podCIDRs,
    running('10.244.1.5', '10.244.9.5', 'fd00:10:244:1::5', 'fd00:9::5'),
  );
  expect(problems.map(({ subject }) => subject)).toEqual(['10.244.9.5', 'fd00:9::5']);
  expect(problems[0]).toMatchObject({
    kind: 'outdated-pod',
    message:
      "Pod default/web has address 10.244.9.5, which is outside of this node's podCIDR 10.244.1.0/24, fd00:10:244:1::/64: pods on other nodes do not reach it",
  });
  const unnamed = [{ address: '10.244.9.5', containerID: 'c2', ifName: 'eth0' }];
  expect(outdatedPods(podCIDRs, unnamed)[0]!.message).toMatch(/^Pod of container c2 /);
  const named = outdatedPods(podCIDRs, unnamed, (pods) => pods.map((pod) => ({ ...pod, pod: 'shop/web-0' })));
  expect(named[0]!.message).toMatch(/^Pod shop\/web-0 has address/);
});

test('outdatedPods() and staleGateways() find nothing while this node has no podCIDR', () => {
  expect(outdatedPods([], running('10.244.9.5'))).toEqual([]);
  expect(staleGateways([], [gateway('10.244.9.1/24')], [])).toEqual([]);
});

test.each([
  ['gateways of an earlier podCIDR without pods', gateway('10.244.9.1/24'), [], true],
  ['those of IPv6', gateway('fd00:9::1/64'), [], true],
  ['not those that a running pod uses', gateway('fd00:9::1/64'), ['fd00:9::7'], false],
  ['also while pods of other ranges run', gateway('fd00:9::1/64'), ['fd00:10:244:1::7', '10.244.1.7'], true],
  ['not the present ones', gateway('10.244.1.1/24'), [], false],
  ['not addresses that an administrator added', { address: '10.244.9.1/24', byPlugin: false }, [], false],
  ['not other addresses than the first', gateway('10.244.9.2/24'), [], false],
  ['not single addresses', gateway('10.244.9.1/32'), [], false],
])('staleGateways() returns %s', (_, held, pods, stale) => {
  expect(staleGateways(podCIDRs, [held], running(...pods))).toEqual(stale ? [held.address] : []);
});

test.each([
  ['true for gateways of the podCIDRs', [gateway('10.244.1.1/24'), gateway('fd00:10:244:1::1/64')], true],
  ['false without addresses', [], false],
  ['false for the range of another network', [gateway('10.244.9.1/24')], false],
  [
    'false with an address that an administrator added',
    [gateway('10.244.1.1/24'), { address: '192.0.2.7/24', byPlugin: false }],
    false,
  ],
])('isPodBridge() returns %s', (_, held, ours) => {
  expect(isPodBridge(podCIDRs, held)).toBe(ours);
});
