import { describe, expect, test } from 'vitest';
import { sameNode, selectNode } from './node.ts';

const object = {
  metadata: {
    name: 'n1',
    uid: 'u',
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { big: 'x'.repeat(1000) },
  },
  spec: { podCIDR: '10.244.1.0/24', podCIDRs: ['10.244.1.0/24', 'FD00:10:244:1::/64'] },
  status: {
    addresses: [
      { type: 'Hostname', address: 'n1' },
      { type: 'ExternalIP', address: '198.51.100.1' },
      { type: 'InternalIP', address: '192.0.2.1' },
      { type: 'InternalIP', address: '2001:DB8::0:1' },
    ],
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'NetworkUnavailable', status: 'True', reason: 'NoRouteCreated' },
    ],
  },
};

test('selectNode() keeps the fields in use, in canonical text', () => {
  expect(selectNode(object)).toEqual({
    name: 'n1',
    uid: 'u',
    created: '2026-01-01T00:00:00Z',
    podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'],
    internalIPs: ['192.0.2.1', '2001:db8::1'],
    networkUnavailable: 'True',
    rejected: [],
  });
});

describe('selectNode()', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['text', 'x'],
    ['an array', []],
    ['fields of other types', { metadata: [], spec: 1, status: { addresses: {}, conditions: 'x' } }],
    [
      'entries of other types',
      { spec: { podCIDRs: [] }, status: { addresses: [null, 1], conditions: [null] } },
    ],
  ])('selectNode() returns a node without addresses for %s', (_, value) => {
    expect(selectNode(value)).toMatchObject({ podCIDRs: [], internalIPs: [] });
  });

  test.each([
    ['10.244.1.0/33', /not a prefix/],
    ['0.0.0.0/0', /wider than/],
    [7, /not a prefix/],
    ['127.0.0.0/8', /no addresses for pods/],
    ['169.254.0.0/16', /no addresses for pods/],
    ['224.0.0.0/24', /no addresses for pods/],
    ['fe80::/64', /no addresses for pods/],
    ['ff02::/16', /no addresses for pods/],
    ['::1/128', /no addresses for pods/],
    ['::ffff:0:0/104', /no addresses for pods/],
  ])('selectNode() drops the podCIDR %s and names it', (podCIDR, reason) => {
    const node = selectNode({ metadata: { name: 'n' }, spec: { podCIDRs: [podCIDR, '10.1.0.0/24'] } });
    expect(node.podCIDRs).toEqual(['10.1.0.0/24']);
    expect(node.rejected[0]).toMatch(reason);
  });
});

describe('flannel-io/flannel#2293: selectNode() takes addresses from the Node alone', () => {
  test.each<[string, [string, string][], string[]]>([
    [
      'in their order, so that the first of a family counts',
      [
        ['InternalIP', '2001:db8::1'],
        ['InternalIP', '192.0.2.1'],
        ['InternalIP', '2001:db8::2'],
      ],
      ['2001:db8::1', '192.0.2.1', '2001:db8::2'],
    ],
    [
      'ExternalIPs if it has no InternalIP',
      [
        ['Hostname', 'n1'],
        ['ExternalIP', '198.51.100.1'],
      ],
      ['198.51.100.1'],
    ],
    [
      'not the ExternalIP of another family, which may be behind NAT',
      [
        ['ExternalIP', '198.51.100.1'],
        ['InternalIP', '2001:db8::1'],
      ],
      ['2001:db8::1'],
    ],
  ])('selectNode() takes %s', (_, addresses, want) => {
    const status = { addresses: addresses.map(([type, address]) => ({ type, address })) };
    expect(selectNode({ status }).internalIPs).toEqual(want);
  });
});

test.each([
  ...['0.0.0.0', '127.0.0.1', '169.254.7.7', '224.0.0.1', '255.255.255.255'],
  ...['::', '::1', 'fe80::7', 'ff02::1', '::ffff:c000:207', 'n1', ''],
])('selectNode() drops the InternalIP "%s", so that the next one counts', (address) => {
  const addresses = [address, '240.0.0.7', '192.0.2.7', 'fd00::7'].map((each) => ({
    type: 'InternalIP',
    address: each,
  }));
  const node = selectNode({ status: { addresses } });
  expect(node.internalIPs).toEqual(['240.0.0.7', '192.0.2.7', 'fd00::7']);
  expect(node.rejected).toEqual([`InternalIP "${address}" is not an address of a host`]);
});

test('sameNode() ignores heartbeats', () => {
  const beat = structuredClone(object);
  Object.assign(beat.status.conditions[0]!, { lastHeartbeatTime: '2026-01-01T00:10:00Z' });
  expect(sameNode(selectNode(object), selectNode(beat))).toBe(true);
  beat.spec.podCIDRs = ['10.244.9.0/24'];
  expect(sameNode(selectNode(object), selectNode(beat))).toBe(false);
});
