import { expect, test } from 'vitest';
import { appendResult, chooseDns } from './result.ts';

test('appendResult() moves indexes behind the interfaces there are', () => {
  const own = { interfaces: [{ name: 'b' }], ips: [{ address: '10.0.0.2/24', interface: 0 }], routes: [] };
  expect(appendResult(undefined, own)).toBe(own);
  const before = { interfaces: [{ name: 'a' }], dns: { domain: 'x' } };
  expect(appendResult(before, own)).toEqual({
    interfaces: [{ name: 'a' }, { name: 'b' }],
    ips: [{ address: '10.0.0.2/24', interface: 1 }],
    routes: [],
    dns: { domain: 'x' },
  });
});

const raw = (changes: object) => ({ cniVersion: '1.0.0', name: 'net', ...changes });

test.each([
  [{}, undefined, undefined],
  [{}, { domain: 'ipam' }, { domain: 'ipam' }],
  [{ dns: {} }, { domain: 'ipam' }, { domain: 'ipam' }],
  [{ dns: { domain: '' } }, { domain: 'ipam' }, { domain: 'ipam' }],
  [{ dns: { nameservers: [] } }, { domain: 'ipam' }, { nameservers: [] }],
  [{ dns: { domain: 'own' } }, undefined, { domain: 'own' }],
  [
    {
      dns: { domain: 'own' },
      runtimeConfig: { dns: { servers: ['192.0.2.1'], searches: ['x'], options: ['a'] } },
    },
    { domain: 'ipam' },
    { nameservers: ['192.0.2.1'], search: ['x'], options: ['a'] },
  ],
  [{ dns: { domain: 'own' }, runtimeConfig: { dns: { servers: [] } } }, undefined, { domain: 'own' }],
  [{ runtimeConfig: { dns: null } }, undefined, undefined],
])('chooseDns() of %j and %j is %j', (changes, ofIpam, expected) => {
  expect(chooseDns(raw(changes), ofIpam)).toEqual(expected);
});
