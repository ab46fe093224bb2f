import { expect, test } from 'vitest';
import { layoutProblems } from './layout.ts';

const V4 = ['10.244.1.0/24'];
const BOTH = [...V4, 'fd00:10:244:1::/64'];
const facts = (settings: Record<string, string>, pods = 0) => ({
  setting: (name: string) => settings[name],
  bridgedPods: () => pods,
});
const ON = { 'bridge-nf-call-iptables': '1\n', 'bridge-nf-call-ip6tables': '1\n' };

test.each([
  ['the bridge with br_netfilter', 'bridge', BOTH, facts(ON, 5)],
  [
    'the bridge with br_netfilter for the only family',
    'bridge',
    V4,
    facts({ 'bridge-nf-call-iptables': '1\n' }),
  ],
  ['the routed layout', 'routed', BOTH, facts({})],
  ['one pod left on the bridge', 'routed', BOTH, facts({}, 1)],
  ['pods left on the bridge with br_netfilter', 'routed', BOTH, facts(ON, 5)],
] as const)('layoutProblems() accepts %s', (_, layout, podCIDRs, node) => {
  expect(layoutProblems(layout, podCIDRs, node)).toEqual([]);
});

test.each([
  [
    'bridge',
    facts({}),
    'with --layout=bridge their packets to each other pass the packet filter only where net.bridge.bridge-nf-call-iptables is 1',
  ],
  ['bridge', facts({ 'bridge-nf-call-iptables': '1' }), 'net.bridge.bridge-nf-call-ip6tables is 1'],
  ['routed', facts({}, 3), 'between 3 pods of this node, which started on bridge cni0'],
] as const)('layoutProblems() for --layout=%s reports what stays open', (layout, node, text) => {
  expect(layoutProblems(layout, BOTH, node)).toMatchObject([
    { kind: 'policy-layout', message: expect.stringContaining(text) },
  ]);
});
