import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { O_NONBLOCK, O_RDWR, sys } from './index.ts';
import { watchReadable } from './readable.ts';

const turn = () => new Promise<void>((done) => setImmediate(done));
const NODE = ['--conditions=@cnikit/source', '--input-type=module'];
/** A program of one import, run beside this file so that relative imports work. */
const program = (body: string) =>
  `import { O_NONBLOCK, O_RDWR, sys } from '${import.meta.dirname}/index.ts';
   import { watchReadable } from '${import.meta.dirname}/readable.ts';
   ${body}`;

describe('watchReadable()', () => {
  let dir: string;
  let fifo: string;
  let fd: number;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'readable-'));
    fifo = join(dir, 'fifo');
    execFileSync('mkfifo', [fifo]);
    fd = sys.open(fifo, O_RDWR | O_NONBLOCK);
  });
  afterEach(() => {
    sys.close(fd);
    rmSync(dir, { recursive: true });
  });

  test('watchReadable() calls back while the descriptor is readable', async () => {
    const seen: number[] = [];
    const one = new Uint8Array(1);
    await new Promise<void>((done) => {
      const watch = watchReadable(fd, () => {
        sys.read(fd, one);
        seen.push(one[0]!);
        if (seen.length < 3) {
          return;
        }
        watch.close();
        done();
      });
      sys.write(fd, new Uint8Array([7, 8, 9, 10]));
    });
    await turn();
    await turn();
    expect(seen).toEqual([7, 8, 9]);
  });

  test('watchReadable() calls back again for unread data', async () => {
    let calls = 0;
    sys.write(fd, new Uint8Array(1));
    await new Promise<void>((done) => {
      const watch = watchReadable(fd, () => {
        if (++calls < 3) {
          return;
        }
        watch.close();
        watch.close();
        done();
      });
    });
    expect(calls).toBe(3);
  });

  test('watchReadable() does not call back after close()', async () => {
    let calls = 0;
    const quiet = watchReadable(fd, () => calls++);
    sys.write(fd, new Uint8Array(1));
    quiet.close();
    await new Promise<void>((done) => {
      const later = watchReadable(fd, () => {
        later.close();
        done();
      });
    });
    expect(calls).toBe(0);
  });

  test('watchReadable() refuses a closed descriptor', () => {
    expect(() => watchReadable(99_999, () => {})).toThrow('EBADF');
  });

  test('watchReadable() leaks no descriptor and no thread', async () => {
    const count = (entries: 'fd' | 'task') => sys.readdir(`/proc/self/${entries}`).length;
    watchReadable(fd, () => {}).close();
    const before = { descriptors: count('fd'), threads: count('task') };
    for (let i = 0; i < 200; i++) {
      watchReadable(fd, () => {}).close();
    }
    await turn();
    expect(count('fd')).toBe(before.descriptors);
    // The kernel lists a thread for a moment after pthread_join(3) has returned.
    await expect.poll(() => count('task')).toBeLessThanOrEqual(before.threads);
  });

  test('watchReadable() keeps the process alive until close()', () => {
    const body = `
      const fd = sys.open('${fifo}', O_RDWR | O_NONBLOCK);
      const watch = watchReadable(fd, () => { watch.close(); console.log('closed'); });
      setTimeout(() => sys.write(fd, new Uint8Array(1)), 20).unref();
      process.on('exit', () => console.log('exit'));
      // The timer does not keep the process: only the watch does.`;
    expect(execFileSync(process.execPath, [...NODE, '-e', program(body)], { encoding: 'utf8' })).toBe(
      'closed\nexit\n',
    );
  });

  test('watchReadable() turns an exception of the callback into an uncaught one', () => {
    const body = `
      const fd = sys.open('${fifo}', O_RDWR | O_NONBLOCK);
      process.on('uncaughtException', (error) => { console.log('caught', error.message); process.exit(0); });
      watchReadable(fd, () => { throw new Error('in callback'); });
      sys.write(fd, new Uint8Array(1));`;
    const out = execFileSync(process.execPath, [...NODE, '-e', program(body)], { encoding: 'utf8' });
    expect(out).toBe('caught in callback\n');
  });

  test('watchReadable() ends with its worker thread', async () => {
    const body = `
      import { parentPort } from 'node:worker_threads';
      watchReadable(${fd}, () => parentPort.postMessage('readable'));`;
    const busy = new Worker(program(body), { eval: true, execArgv: NODE });
    sys.write(fd, new Uint8Array(1));
    await new Promise((done) => busy.once('message', done));
    expect(await busy.terminate()).toBe(1);
  });
});
