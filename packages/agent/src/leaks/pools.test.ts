import { expect, test } from 'vitest';
import { fullRanges } from './pools.ts';

test('fullRanges() reports each podCIDR without a free address', () => {
  const pools = [
    { range: '10.0.0.0/28', used: 13, free: 0 },
    { range: 'fd00::/64', used: 13, free: 1000 },
  ];
  expect(fullRanges(pools)).toEqual([
    {
      kind: 'full-range',
      subject: '10.0.0.0/28',
      severity: 'warning',
      message: 'All 13 addresses of 10.0.0.0/28 are in use: no more pods can start on this node',
      fix: expect.stringContaining('larger podCIDRs'),
    },
  ]);
  expect(fullRanges([])).toEqual([]);
});
