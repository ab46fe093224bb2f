import { expect, test } from 'vitest';
import { repeatedKey } from './repeated-key.ts';

test.each<[string, string | undefined]>([
  ['{"sysctl":{"net.a":"1","net.b":"2","net.a":"3"}}', 'net.a'],
  ['{"SysCtl":{"net.a":"1","net\\u002ea":"3"}}', 'net.a'],
  ['{"sysctl":{"net.a":"1","net.b":"net.a"}}', undefined],
  ['{"x":[{"a":"1"},{"a":"1"}],"sysctl":{"a\\"b":"},","a":"b"}}', undefined],
  ['{"mtu":1,"mtu":2,"sysctl":{"net.a":"1"}}', undefined],
  ['{"args":{"sysctl":{"a":"1","a":"2"}},"sysctl":{"a":"1"}}', undefined],
])('repeatedKey() of the sysctls in %s is %s', (json, key) => {
  expect(repeatedKey(json, ['sysctl'])).toBe(key);
});

test('repeatedKey() follows a path of several keys', () => {
  const json = '{"args":{"cni":{"sysctl":{"a":"1","a":"2"}}}}';
  expect(repeatedKey(json, ['args', 'cni', 'sysctl'])).toBe('a');
});
