import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { fullRanges, poolsOf } from './pools.ts';

test('poolsOf() returns none where the reservations cannot be read, or a podCIDR is too small', () => {
  const dir = mkdtempSync(join(tmpdir(), 'cnikit-pools-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  expect(poolsOf(dir, ['10.0.0.0/28'])).toEqual([{ range: '10.0.0.0/28', used: 0, free: 13 }]);
  expect(poolsOf(dir, ['10.0.0.1/32'])).toEqual([]);
  rmSync(join(dir, 'ipam'), { recursive: true, force: true });
  mkdirSync(join(dir, 'ipam'));
  // A loop.
  symlinkSync('cnikit', join(dir, 'ipam', 'cnikit'));
  expect(poolsOf(dir, ['10.0.0.0/28'])).toEqual([]);
});

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
