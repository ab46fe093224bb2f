import { expect, test } from 'vitest';
import { delegationOf } from './delegation.ts';

const ours = { cniVersion: '1.0.0', name: 'cnikit', plugins: [{ type: 'cnikit', mtu: 1500 }] };
const multus = { cniVersion: '0.3.1', name: 'multus-cni-network', type: 'multus' };
const shim = { cniVersion: '0.3.1', name: 'multus-cni-network', type: 'multus-shim' };

const cases: [string, unknown, string | undefined][] = [
  ['a copy in delegates', { ...multus, delegates: [ours] }, 'copy'],
  ['a copy in a list', { name: 'm', plugins: [{ ...multus, delegates: [ours] }] }, 'copy'],
  [
    'an old copy',
    { ...multus, delegates: [{ ...ours, plugins: [{ type: 'cnikit', mtu: 1400 }] }] },
    'old-copy',
  ],
  ['a file', { ...shim, clusterNetwork: '/host/etc/cni/net.d/05-cnikit.conflist' }, 'reference'],
  ['the name of the network', { ...shim, clusterNetwork: 'cnikit' }, 'reference'],
  ['another file', { ...shim, clusterNetwork: '/host/etc/cni/net.d/10-calico.conflist' }, undefined],
  ['another default network', { ...multus, delegates: [{ name: 'flannel', plugins: [] }, ours] }, undefined],
  ['no delegates', { ...multus, delegates: [] }, undefined],
  ['an ordinary plugin', { name: 'old', type: 'bridge' }, undefined],
  ['no object', 'x', undefined],
];

test.each(cases)('delegationOf() with %s is right', (_, config, expected) => {
  expect(delegationOf(config, ours)).toBe(expected);
});

test('delegationOf() takes any copy for an old one while our conflist is unreadable', () => {
  expect(delegationOf({ ...multus, delegates: [ours] }, undefined)).toBe('old-copy');
});
