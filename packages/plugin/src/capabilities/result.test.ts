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

test.each([
  [undefined, undefined, {}],
  [undefined, { domain: 'ipam' }, { dns: { domain: 'ipam' } }],
  [{}, { domain: 'ipam' }, { dns: { domain: 'ipam' } }],
  [{ domain: '' }, { domain: 'ipam' }, { dns: { domain: 'ipam' } }],
  [{ nameservers: [] }, { domain: 'ipam' }, { dns: { nameservers: [] } }],
  [{ domain: 'own' }, undefined, { dns: { domain: 'own' } }],
])('chooseDns(%j, %j) is %j', (configured, ofIpam, expected) => {
  expect(chooseDns(configured, ofIpam)).toEqual(expected);
});
