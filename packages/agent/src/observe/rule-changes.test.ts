import { expect, test } from 'vitest';
import { concernsRules } from './rule-changes.ts';

test.each([
  [true, 'del', 'rule', 'ip', 'nat', 'CNIKIT-MASQ'],
  [true, 'del', 'chain', 'ip6', 'filter', 'CNIKIT-FORWARD'],
  [true, 'new', 'rule', 'ip', 'filter', 'FORWARD'],
  [true, 'del', 'rule', 'ip', 'nat', 'POSTROUTING'],
  [true, 'del', 'table', 'ip', 'nat', undefined],
  [false, 'new', 'table', 'ip', 'nat', undefined],
  [false, 'new', 'rule', 'ip', 'nat', 'KUBE-SERVICES'],
  [false, 'del', 'rule', 'ip', 'nat', 'CNI-HOSTPORT-DNAT'],
  [false, 'new', 'rule', 'ip', 'kube-proxy', 'filter-forward'],
  [false, 'new', 'chain', 'ip6', 'kube-proxy', 'filter-forward'],
  [false, 'new', 'rule', 'inet', 'cnikit_hostports', 'prerouting'],
  [false, 'new', 'rule', 'inet', 'cni_plugins_masquerade', 'postrouting'],
  [true, 'new', 'rule', 'inet', 'filter', 'FORWARD'],
  [true, 'new', 'rule', 'inet', 'firewalld', 'filter_FORWARD'],
  [true, 'new', 'chain', 'ip', 'policy', 'forward'],
  [true, 'del', 'table', 'ip6', 'policy', undefined],
  [false, 'new', 'element', 'inet', 'firewalld', undefined],
  [false, 'new', 'chain', 'bridge', 'filter', 'forward'],
  [false, 'new', 'rule', 'ip', 'mangle', 'FORWARD'],
  [false, 'new', 'element', 'ip', 'nat', undefined],
  [true, 'del', 'element', 'inet', 'cnikit-agent', undefined],
  [true, 'new', 'rule', 'inet', 'cnikit-agent', 'postrouting'],
  [true, 'del', 'table', 'inet', 'cnikit-agent', undefined],
  [false, 'del', 'table', 'ip', 'cnikit-agent', undefined],
] as const)('concernsRules() is %s of: %s %s %s %s %s', (want, action, object, family, table, chain) => {
  const change = { type: 'nftables', action, object, family, table } as const;
  expect(concernsRules(chain === undefined ? change : { ...change, chain })).toBe(want);
});

test('concernsRules() is true when changes were lost', () => {
  expect(concernsRules({ type: 'overflow' })).toBe(true);
});
