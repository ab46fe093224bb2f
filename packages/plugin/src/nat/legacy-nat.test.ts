import { type Sys, SysError } from '@cnikit/sys';
import { expect, test } from 'vitest';
import { legacyNat } from './legacy-nat.ts';

test('legacyNat() neither reads a missing list of tables nor makes an error object for it', () => {
  const looked: string[] = [];
  const sys = {
    statIfExists: (path: string) => void looked.push(path),
    readText: (path: string) => {
      throw new SysError({ syscall: 'readText', errno: 2, path });
    },
  } as unknown as Sys;
  expect(legacyNat(sys, {}, 'ipv4')).toBeUndefined();
  expect(legacyNat(sys, {}, 'ipv6')).toBeUndefined();
  expect(looked).toEqual(['/proc/net/ip_tables_names', '/proc/net/ip6_tables_names']);
});
