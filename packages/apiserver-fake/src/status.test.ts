import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type ApiError, expired, expiredList, tooLarge } from './status.ts';

const { watch, answers } = JSON.parse(
  readFileSync(new URL('../../watch/test/goldens/protobuf-errors.json', import.meta.url), 'utf8'),
);

test('toStatus() is the Status of kube-apiserver for history that is gone or not there yet', () => {
  const statusOf = (error: ApiError) => JSON.parse(JSON.stringify(error.toStatus()));
  const [tooOld, future] = answers;
  expect(statusOf(expired(1, 102))).toEqual(watch.json.object);
  expect(statusOf(expiredList())).toEqual(tooOld.json);
  expect(statusOf(tooLarge(99_999_999, 102))).toEqual(future.json);
});
