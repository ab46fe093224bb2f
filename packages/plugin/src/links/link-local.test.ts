import { expect, test } from 'vitest';
import { bringUp } from './link-local.ts';

const described = (...args: Parameters<typeof bringUp>) => bringUp(...args).map(({ describe }) => describe);

test('bringUp() sends the settings of both families in one message before the link is up', () => {
  const requests = bringUp(3, '02:63:6e:69:6b:69', { forwarding: 1 });
  // Flags and mask of struct ifinfomsg.
  const flags = requests.slice(0, 2).map(({ payload }) => payload[8]);
  expect(flags).toEqual([0, 1]);
  expect(requests).toHaveLength(3);
  expect(requests[2]?.describe).toContain('fe80::63:6eff:fe69:6b69/64');
});

test('bringUp() sends only what is asked for', () => {
  expect(described(3, undefined)).toHaveLength(1);
  expect(described(3, undefined, { forwarding: 1 })).toHaveLength(2);
});
