import type { Readable } from 'node:stream';

/**
 * High-water mark of a connection whose body is gathered: Node stops reading after one chunk, so that the others wait in
 * the kernel and cost no wake-up.
 */
export const GATHERED_HIGH_WATER_MARK = 1;

/**
 * Yields the bytes of a body. A chunk after a pause comes at once; once all that has arrived is read, `pause` decides when
 * to read again. What arrives in the meantime is yielded as one chunk.
 */
export async function* gathered(body: Readable, pause: () => Promise<void>): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    yield chunk as Uint8Array;
    // Lets Node read what else has arrived.
    await new Promise<void>((done) => setImmediate(done));
    if (body.readableLength === 0) {
      await pause();
    }
  }
}

/** Resolves after `ms`, or when the body has been closed. */
export function pauseOf(body: Readable, ms: number): Promise<void> {
  return new Promise((done) => {
    if (body.closed) {
      return done();
    }
    const end = (): void => {
      clearTimeout(timer);
      body.off('close', end);
      done();
    };
    const timer = setTimeout(end, ms);
    body.on('close', end);
  });
}
