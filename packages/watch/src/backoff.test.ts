import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Backoff } from './backoff.ts';
import { errorFromAnswer, errorFromEvent, parseRetryAfter } from './errors.ts';

describe('Backoff', () => {
  test('Backoff.fail() doubles the delay up to the limit, half of it random', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (chance) => {
        const backoff = new Backoff({ initialMs: 100, maxMs: 1000 }, () => chance);
        for (const step of [100, 200, 400, 800, 1000, 1000]) {
          const delay = backoff.fail();
          expect(delay).toBeGreaterThanOrEqual(step / 2);
          expect(delay).toBeLessThanOrEqual(step);
        }
        backoff.succeed();
        expect(backoff.fail()).toBeLessThanOrEqual(100);
      }),
    );
  });

  test('Backoff.fail() honours Retry-After up to the limit', () => {
    const backoff = new Backoff({ initialMs: 100 }, () => 0);
    expect(backoff.fail(7000)).toBe(7000);
    expect(backoff.fail(1)).toBe(100);
    expect(backoff.fail(86_400_000)).toBe(300_000);
  });
});

describe('parseRetryAfter()', () => {
  test.each([
    ['5', 5000],
    [' 5 ', 5000],
    ['Thu, 01 Jan 1970 00:01:00 GMT', 59_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ])('parseRetryAfter(%j) returns %s', (text, expected) => {
    expect(parseRetryAfter(text, 1000)).toBe(expected);
  });
});

describe('errors', () => {
  test("errorFromAnswer() carries the server's message and a hint", () => {
    const error = errorFromAnswer(403, '{"message":"nodes is forbidden"}', undefined, 0);
    expect(error).toMatchObject({ code: 'HTTP', status: 403 });
    expect(error.message).toBe(
      'The API server answered 403: nodes is forbidden (grant this user the verbs list and watch on this resource)',
    );
    expect(errorFromAnswer(502, '<html>', '3', 0)).toMatchObject({
      code: 'HTTP',
      status: 502,
      retryAfterMs: 3000,
    });
  });

  test('errorFromAnswer() treats a version from the future as EXPIRED', () => {
    const text = JSON.stringify({ details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } });
    expect(errorFromAnswer(504, text, undefined, 0).code).toBe('EXPIRED');
    expect(errorFromEvent({ code: 410 }).code).toBe('EXPIRED');
    expect(errorFromEvent(null)).toMatchObject({ code: 'HTTP', status: 0 });
  });
});
