import { expect, test } from 'vitest';
import { ask } from './ask.ts';

test('ask() gets no answer from an address that the kernel refuses', async () => {
  expect(await ask('255.255.255.255', 64, 60_000)).toEqual({ result: 'silent' });
});
