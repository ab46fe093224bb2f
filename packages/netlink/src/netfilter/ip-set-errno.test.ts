import { expect, test } from 'vitest';
import { refusal } from '../errors.ts';
import { delIpSet, newIpSetElement } from './ip-set.ts';
import { ipSetErrno } from './ip-set-errno.ts';

test.each([
  [4097, 'IPSET_ERR_PROTOCOL'],
  [4100, 'IPSET_ERR_BUSY'],
  [4104, 'IPSET_ERR_INVALID_CIDR'],
  [4114, 'IPSET_ERR_SKBINFO'],
  [4352, 'IPSET_ERR_HASH_FULL'],
  [4357, 'IPSET_ERR_HASH_RANGE'],
])('ipSetErrno(%i) is %s, as in ip_set.h', (errno, name) => {
  expect(ipSetErrno(errno)?.[0]).toBe(name);
});

test.each([2, 4096, 4200, 4400])('ipSetErrno(%i) is undefined', (errno) => {
  expect(ipSetErrno(errno)).toBeUndefined();
});

test("NetlinkError names an errno of ipset and says what it means, and leaves the kernel's names", () => {
  const full = refusal({ errno: 4352 }, newIpSetElement({ name: 'pods' }, '10.0.0.0/24'));
  expect(full).toMatchObject({ code: 'IPSET_ERR_HASH_FULL', errno: 4352 });
  expect(full.message).toBe(
    'Kernel refused add 10.0.0.0/24 to set pods: IPSET_ERR_HASH_FULL, the set has its maximum number of elements (maxelem)',
  );
  expect(refusal({ errno: 2 }, delIpSet({ name: 'pods' })).code).toBe('ENOENT');
});
