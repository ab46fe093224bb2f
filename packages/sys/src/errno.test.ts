import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { errnoMeaning, errnoName, errnoOf } from './errno.ts';

describe('errno', () => {
  test("errnoName() agrees with Node's names", () => {
    // Two names of one number: the table has one of them.
    const aliases = new Set(['EWOULDBLOCK', 'ENOTSUP', 'EDEADLOCK']);
    for (const [code, errno] of Object.entries(constants.errno)) {
      if (!aliases.has(code)) {
        expect([code, errnoName(errno)]).toEqual([code, code]);
      }
    }
  });

  test('errnoOf() inverts errnoName() for every row', () => {
    const rows = Array.from({ length: 600 }, (_, errno) => errno).filter((errno) => errnoMeaning(errno));
    expect(rows).toHaveLength(131);
    for (const errno of rows) {
      expect(errnoOf(errnoName(errno))).toBe(errno);
    }
    for (const none of ['ENONSENSE', 'File', '', '17']) {
      expect(errnoOf(none)).toBeUndefined();
    }
    expect(errnoName(4000)).toBe('E4000');
  });

  test.each([
    [1, 'EPERM', 'Operation not permitted'],
    [17, 'EEXIST', 'File exists'],
    [524, 'ENOTSUPP', 'Operation not supported by the kernel'],
    [4000, 'E4000', undefined],
    [0, 'E0', undefined],
    [-1, 'E-1', undefined],
  ])('errnoMeaning(%s) has the words of %s', (errno, code, meaning) => {
    expect([errnoName(errno), errnoMeaning(errno)]).toEqual([code, meaning]);
  });
});
