import { hostVethName } from '@cnikit/plugin';
import { expect, test } from 'vitest';
import { healthy } from '../../../testing/doctor-facts.ts';
import { diagnose } from '../diagnose.ts';
import type { DoctorFacts } from '../facts.ts';

/** Facts of a node with a routed pod that has an address of each family. */
function withRoutedPod(routed: Partial<DoctorFacts['routed'] & object>, end: object = {}): DoctorFacts {
  const name = hostVethName('cnikit', 'c8', 'eth0');
  const addresses = ['10.244.1.8', 'fd00:1::8'];
  return healthy({
    links: [...healthy().links, { index: 8, name, mtu: 1500, group: 0x6300_0000, ...end }],
    podAddresses: addresses.map((address) => ({ link: name, address })),
    reservedAddresses: addresses,
    routed: {
      routes: [
        { dst: '10.244.1.8/32', oif: 8 },
        { dst: 'fd00:1::8/128', oif: 8 },
      ],
      guard: true,
      strictEnds: [],
      bridge: { proxyArp: true, proxyNdp: true, proxies: ['fd00:1::8'] },
      ...routed,
    },
  });
}

test('diagnose() describes routed pods that have their routes and the guard', () => {
  const results = diagnose(withRoutedPod({}));
  expect(results.flatMap(({ findings }) => findings)).toEqual([]);
  expect(results.find(({ check }) => check === 'routed-pods')?.good).toBe(
    'The node has routes to the addresses of 1 routed pods and drops their packets with other source addresses.',
  );
});

test('diagnose() describes routed pods that may send from other source addresses', () => {
  const results = diagnose(withRoutedPod({}, { group: 0x6500_0003 }));
  expect(results.flatMap(({ findings }) => findings)).toEqual([]);
  expect(results.find(({ check }) => check === 'routed-pods')?.good).toBe(
    'The node has routes to the addresses of 1 routed pods and drops their packets with other source addresses, except for 1 that may send them.',
  );
});

const proxied = { proxyArp: true, proxyNdp: true, proxies: [] };
test.each([
  [
    'a missing route to a routed pod',
    withRoutedPod({ routes: [{ dst: '10.244.1.8/32', oif: 8 }] }),
    /^The node has no route to fd00:1::8 by veth\w+: the running pod receives nothing there\.$/,
  ],
  [
    'a route to a routed pod by another link',
    withRoutedPod({ routes: [{ dst: '10.244.1.8/32', oif: 9 }] }),
    /no route to 10\.244\.1\.8 by veth\w+, fd00:1::8 by veth\w+: the running pods receive/,
  ],
  [
    'a missing guard of source addresses',
    withRoutedPod({ guard: false }),
    /^The table inet cnikit_guard is missing, or its rules are:/,
  ],
  [
    'a strict filter of a pod that may send from other source addresses',
    withRoutedPod({ strictEnds: ['veth1'] }),
    /^rp_filter of veth1 is strict, or the link has lost its IPv4 address:/,
  ],
  [
    'a missing proxy entry for a routed pod',
    withRoutedPod({ bridge: proxied }),
    /^The bridge cni0 does not answer for fd00:1::8:/,
  ],
  [
    'a bridge with proxy_ndp off',
    withRoutedPod({ bridge: { ...proxied, proxyNdp: false, proxies: ['fd00:1::8'] } }),
    /does not answer for fd00:1::8:/,
  ],
  [
    'a bridge with proxy_arp off',
    withRoutedPod({ bridge: { ...proxied, proxyArp: false, proxies: ['fd00:1::8'] } }),
    /does not answer for 10\.244\.1\.8:/,
  ],
])('diagnose() reports %s, and that the agent or cnikit restore repairs it', (_, facts, message) => {
  const findings = diagnose(facts).flatMap((result) => result.findings);
  expect(findings).toHaveLength(1);
  expect(findings[0]!.message).toMatch(message);
  expect(findings[0]!.fix).toContain('`/opt/cni/bin/cnikit restore`');
});

test('diagnose() ignores an address that a routed pod gave itself', () => {
  const facts = withRoutedPod({});
  const podAddresses = [...facts.podAddresses, { ...facts.podAddresses[0]!, address: '192.168.7.1' }];
  expect(diagnose({ ...facts, podAddresses }).flatMap(({ findings }) => findings)).toEqual([]);
});

test('diagnose() warns of routed pods whose MTU is larger than that of the egress interface', () => {
  const findings = diagnose(withRoutedPod({}, { mtu: 9000 })).flatMap((result) => result.findings);
  expect(findings).toMatchObject([
    { level: 'warning', message: expect.stringMatching(/^1 routed pod has an MTU of up to 9000, but/) },
  ]);
});
