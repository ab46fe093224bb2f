import { expect, test } from 'vitest';
import type { BlockingChain } from '../core/backend.ts';
import { backendProblems, chooseBackend } from './backend.ts';

const docker: BlockingChain = {
  name: 'ip filter FORWARD',
  families: ['ipv4'],
  iptables: true,
  namesPods: false,
};
const firewalld: BlockingChain = {
  name: 'inet firewalld filter_FORWARD',
  families: ['ipv4', 'ipv6'],
  iptables: false,
  namesPods: false,
};
const unsupported = 'new rule: EOPNOTSUPP';

test.each([
  ['auto', {}, 'nftables', []],
  ['auto', { unsupported }, 'iptables', []],
  ['auto', { blocking: [docker] }, 'nftables', ['ipv4']],
  ['auto', { blocking: [docker, firewalld] }, 'nftables', ['ipv4']],
  ['auto', { blocking: [firewalld] }, 'nftables', []],
  ['auto', { exempting: ['ip nat POSTROUTING'], blocking: [docker] }, 'iptables', []],
  ['nftables', { exempting: ['ip nat POSTROUTING'] }, 'nftables', []],
  ['nftables', { unsupported, blocking: [docker] }, 'nftables', []],
  ['iptables', { blocking: [docker] }, 'iptables', []],
] as const)(
  'chooseBackend() for --packet-filter=%s and %j takes %s and accepts %j in iptables',
  (mode, facts, name, accept) => {
    expect(chooseBackend(mode, { blocking: [], ...facts })).toMatchObject({ name, accept });
  },
);

test('chooseBackend() names the chain that makes it accept packets in iptables', () => {
  expect(chooseBackend('auto', { blocking: [docker] }).reason).toBe(
    'iptables accepts forwarded packets, because ip filter FORWARD drops by default',
  );
});

test.each([
  ['auto', docker, []],
  [
    'auto',
    firewalld,
    [/^Chain inet firewalld filter_FORWARD drops .* add the podCIDRs to a zone that forwards$/],
  ],
  ['iptables', firewalld, [/^Chain inet firewalld filter_FORWARD drops/]],
  ['auto', { ...firewalld, namesPods: true }, []],
  ['iptables', docker, []],
  ['nftables', docker, [/^Chain ip filter FORWARD drops .* Set --packet-filter=auto/]],
] as const)('backendProblems() with --packet-filter=%s and %j', (mode, chain, messages) => {
  const facts = { blocking: [chain] };
  const problems = backendProblems(chooseBackend(mode, facts), facts);
  expect(problems.map(({ message }) => message)).toEqual(messages.map((each) => expect.stringMatching(each)));
});

test('backendProblems() reports a kernel without what --packet-filter=nftables needs', () => {
  const facts = { unsupported, blocking: [] };
  expect(backendProblems(chooseBackend('nftables', facts), facts)).toMatchObject([
    { kind: 'rules', message: expect.stringContaining('Set --packet-filter=iptables, or auto') },
  ]);
});
