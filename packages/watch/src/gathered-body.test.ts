import { expect, test } from 'vitest';
import { GatheredBody, pauseOf } from './gathered-body.ts';

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));
const bytes = (text: string): Buffer => Buffer.from(text);
const text = ({ value }: IteratorResult<Uint8Array, void>): string => Buffer.from(value!).toString();

/** A body whose pauses last until the test ends them, and what it did to its socket. */
function setUp() {
  const calls: string[] = [];
  let end = (): void => undefined;
  const body = new GatheredBody(
    { pause: () => calls.push('pause') as never, resume: () => calls.push('resume') as never },
    () =>
      new Promise<void>((done) => {
        calls.push('wait');
        end = done;
      }),
  );
  return { body, chunks: body[Symbol.asyncIterator](), calls, end: () => end() };
}

test('GatheredBody yields the first chunk at once and later ones together after the pause', async () => {
  const { body, chunks, calls, end } = setUp();
  body.add(bytes('a'));
  expect(text(await chunks.next())).toBe('a');
  expect(calls).toEqual(['pause']);
  const next = chunks.next();
  await turn();
  expect(calls).toEqual(['pause', 'wait']);
  for (const one of ['b', 'c', 'd']) {
    body.add(bytes(one));
  }
  end();
  expect(text(await next)).toBe('bcd');
  expect(calls).toEqual(['pause', 'wait', 'resume', 'pause']);
  const last = chunks.next();
  await turn();
  end();
  body.end();
  expect(await last).toEqual({ done: true, value: undefined });
});

test('GatheredBody reads on as long as more arrives', async () => {
  const { body, chunks, calls } = setUp();
  const first = chunks.next();
  for (const one of ['a', 'b', 'c']) {
    body.add(bytes(one));
    await turn();
  }
  expect(text(await first)).toMatch(/^ab?c?$/);
  expect(calls).toEqual(['pause']);
});

test('GatheredBody keeps a chunk while more arrives, however much', async () => {
  const { body, chunks, end } = setUp();
  body.add(bytes('first'));
  const chunk = await chunks.next();
  body.add(Buffer.alloc(1_000_000, 'x'));
  expect(text(chunk)).toBe('first');
  const next = chunks.next();
  await turn();
  end();
  expect(text(await next)).toBe('x'.repeat(1_000_000));
});

test('GatheredBody pauses the connection when much has arrived before it is read', async () => {
  const { body, chunks, calls, end } = setUp();
  body.add(Buffer.alloc(200_000));
  expect(calls).toEqual([]);
  body.add(Buffer.alloc(100_000));
  expect(calls).toEqual(['pause']);
  expect((await chunks.next()).value).toHaveLength(300_000);
  const next = chunks.next();
  await turn();
  end();
  await turn();
  expect(calls).toEqual(['pause', 'pause', 'wait', 'resume']);
  body.end();
  await next;
});

test('GatheredBody passes on what arrived before an error, then the error', async () => {
  const { body, chunks } = setUp();
  body.add(bytes('a'));
  body.end(new Error('the connection broke'));
  body.end(new Error('a later error'));
  expect(text(await chunks.next())).toBe('a');
  await expect(chunks.next()).rejects.toThrow('the connection broke');
});

test('GatheredBody ends without a chunk when nothing arrives', async () => {
  const { body, chunks } = setUp();
  const next = chunks.next();
  body.end();
  expect(await next).toEqual({ done: true, value: undefined });
});

test('pauseOf() ends after its time, and at once when the signal fires', async () => {
  const { signal } = new AbortController();
  await pauseOf(1, signal);
  const abort = new AbortController();
  const pause = pauseOf(2 ** 31 - 1, abort.signal);
  abort.abort();
  await pause;
});
