import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { ERRNO, errnoName, errnoOf } from './errno.ts';

describe('ERRNO', () => {
  it("agrees with Node's own names", () => {
    // Two names of one number: the table has one of them.
    const aliases = new Set(['EWOULDBLOCK', 'ENOTSUP', 'EDEADLOCK']);
    for (const [code, errno] of Object.entries(constants.errno)) {
      if (!aliases.has(code)) expect([code, errnoName(errno)]).toEqual([code, code]);
    }
  });

  it('errnoOf() inverts errnoName() for every row', () => {
    for (const errno of Object.keys(ERRNO).map(Number)) expect(errnoOf(errnoName(errno))).toBe(errno);
    expect(errnoOf('ENONSENSE')).toBeUndefined();
    expect(errnoName(4000)).toBe('E4000');
  });
});
