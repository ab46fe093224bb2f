import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { gathered, pauseOf } from './gather.ts';

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
const body = (): Readable => new Readable({ read: () => undefined });
const text = ({ value }: IteratorResult<Uint8Array>): string => Buffer.from(value).toString();

/** A pause that lasts until the test ends it. */
function manualPause() {
  let pauses = 0;
  let end = (): void => undefined;
  return {
    pause: () =>
      new Promise<void>((done) => {
        pauses++;
        end = done;
      }),
    end: () => end(),
    count: () => pauses,
  };
}

test('gathered() yields the first chunk at once and later ones together after the pause', async () => {
  const stream = body();
  const { pause, end, count } = manualPause();
  const chunks = gathered(stream, pause);
  stream.push('a');
  expect(text(await chunks.next())).toBe('a');
  const next = chunks.next();
  await turn();
  await turn();
  expect(count()).toBe(1);
  for (const one of ['b', 'c', 'd']) {
    stream.push(one);
    await turn();
  }
  end();
  expect(text(await next)).toBe('bcd');
  const last = chunks.next();
  await turn();
  await turn();
  stream.push(null);
  end();
  expect(await last).toEqual({ done: true, value: undefined });
  expect(count()).toBe(2);
});

test('gathered() does not pause while more has arrived', async () => {
  const stream = body();
  const { pause, count } = manualPause();
  const chunks = gathered(stream, pause);
  for (const one of ['a', 'b', 'c']) {
    stream.push(one);
    expect(text(await chunks.next())).toBe(one);
  }
  expect(count()).toBe(0);
});

test('gathered() passes on an error of the body during a pause', async () => {
  const stream = body();
  const chunks = gathered(stream, () => pauseOf(stream, 2 ** 31 - 1));
  stream.push('a');
  expect(text(await chunks.next())).toBe('a');
  const next = chunks.next();
  await turn();
  await turn();
  stream.destroy(new Error('the connection broke'));
  await expect(next).rejects.toThrow('the connection broke');
});

test('pauseOf() ends after its time, and at once when the body is closed', async () => {
  await pauseOf(body(), 1);
  const stream = body();
  stream.destroy();
  await turn();
  await pauseOf(stream, 2 ** 31 - 1);
  expect(stream.listenerCount('close')).toBe(0);
});
