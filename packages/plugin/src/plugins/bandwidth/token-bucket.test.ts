import { expect, test } from 'vitest';
import { tokenBucket } from './token-bucket.ts';

test.each([
  [1_000_000, 800_000, { rate: 125_000, burst: 100_000, buffer: 12_500_000, limit: 103_125 }],
  // The reference cuts twice: first whole microseconds, then whole ticks.
  [3_333_333, 1_234_567, { rate: 416_666, burst: 154_320, buffer: 5_787_000, limit: 164_736 }],
  // As runtimes send it: the low 32 bits of what does not fit.
  [
    10_000_000,
    8 * 0xffffffff - 1,
    { rate: 1_250_000, burst: 0xfffffffe, buffer: 2_147_483_619, limit: 31_248 },
  ],
  [8, 8, { rate: 1, burst: 1, buffer: 15_625_000, limit: 1 }],
])('tokenBucket() of %i and %i bits', (rate, burst, bucket) => {
  expect(tokenBucket('ingress', rate, burst)).toEqual(bucket);
});

test('tokenBucket() returns undefined without a rate', () => {
  expect(tokenBucket('egress', 0, 0)).toBeUndefined();
});

test.each([
  [1000, 0, 'if rate is set, burst must also be set'],
  [0, 1000, 'if burst is set, rate must also be set'],
  [1000, 8 * 0xffffffff, 'burst cannot be more than 4GB'],
  [7, 1000, 'rate and burst must be 8 bits at least'],
  [1000, 7, 'rate and burst must be 8 bits at least'],
])('tokenBucket() refuses %i and %i', (rate, burst, msg) => {
  expect(() => tokenBucket('egress', rate, burst)).toThrow(
    expect.objectContaining({ code: 7, message: msg }),
  );
});
