import { POLLIN, POLLOUT, type Sys, SysError } from '@cnikit/sys';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exchangeLine } from './exchange-line.ts';

const EAGAIN = 11;
const MAX_ANSWER_BYTES = 4096;
const blocked = (syscall: string) => new SysError({ syscall, errno: EAGAIN });

/** A server, as the calls of its client see it. */
interface Server {
  /** Pieces of the answer. */
  answer: readonly Uint8Array[];
  /** The connection stays open after the answer. */
  stays?: boolean;
  /** Attempts to connect that find the queue full. */
  queue?: number;
  /** Bytes that one send(2) takes; 0: the buffer is full. */
  takes?: number;
}

/** Runs exchangeLine() against the server on a simulated clock. */
function exchange(
  { answer, stays = false, queue = 0, takes = 1e6 }: Server,
  request: object = { op: 'add' },
) {
  const pieces = [...answer];
  const open = new Set<number>();
  let [now, attempts, sent] = [0, 0, ''];
  const sys: Partial<Sys> = {
    monotonicMs: () => now,
    sleepMs(ms) {
      now += ms;
    },
    socket() {
      open.add(3);
      return 3;
    },
    close: (fd) => void open.delete(fd),
    connectUnix() {
      if (attempts++ < queue) {
        throw blocked('connectUnix');
      }
    },
    send(_fd, data) {
      if (takes === 0) {
        throw blocked('send');
      }
      const part = data.subarray(0, takes);
      sent += String.fromCharCode(...part);
      return part.length;
    },
    poll(_fd, events, timeoutMs) {
      expect(timeoutMs).toBeGreaterThan(0);
      if (events === POLLOUT || (pieces.length === 0 && stays)) {
        now += timeoutMs;
        return 0;
      }
      now++;
      return POLLIN;
    },
    recv(_fd, into) {
      const piece = pieces.shift() ?? new Uint8Array();
      const part = piece.subarray(0, into.length);
      into.set(part);
      if (part.length < piece.length) {
        pieces.unshift(piece.subarray(part.length));
      }
      return part.length;
    },
  };
  let error: string | undefined;
  try {
    exchangeLine(sys as Sys, '/run/policy.sock', request);
  } catch (thrown) {
    error = (thrown as Error).message;
  }
  expect([...open]).toEqual([]);
  expect(now).toBeLessThanOrEqual(2000);
  return { error, sent };
}

const bytes = (text: string) => Buffer.from(text);

test('exchangeLine() sends one line of ASCII', () => {
  const { error, sent } = exchange({ answer: [bytes('{"ok":true}\n')], takes: 5 }, { name: 'é\n😀' });
  expect(error).toBeUndefined();
  expect(sent).toMatch(/^[ -~]*\n$/);
  expect(JSON.parse(sent)).toEqual({ name: 'é\n😀' });
});

test('exchangeLine() enters a full queue of connections once there is room', () => {
  expect(exchange({ answer: [bytes('{"ok":true}\n')], queue: 100 }).error).toBeUndefined();
});

test.each<[string, Server, string]>([
  ['a queue that stays full', { answer: [], queue: Number.POSITIVE_INFINITY }, 'no answer within 2 s'],
  ['a server that reads nothing', { answer: [], takes: 0 }, 'no answer within 2 s'],
  ['a silent server', { answer: [], stays: true }, 'no answer within 2 s'],
  ['half an answer', { answer: [bytes('{"ok":true}')], stays: true }, 'no answer within 2 s'],
  [
    'an answer of one byte at a time',
    { answer: Array.from({ length: 3000 }, () => bytes(' ')) },
    'no answer within 2 s',
  ],
  ['a connection that ends', { answer: [bytes('{"ok":true}')] }, 'the connection ended before the answer'],
  ['an endless answer', { answer: [bytes('x'.repeat(10_000))] }, 'the answer exceeds 4096 bytes'],
  ['another answer', { answer: [bytes('hello\nx')] }, 'answered "hello"'],
  ['a refusal', { answer: [bytes('{"ok":false,"error":"no\\nrules"}\n')] }, 'answered "no\\nrules"'],
  ['a refusal without reason', { answer: [bytes('null\n')] }, 'answered "null"'],
])('exchangeLine() throws for %s', (_, server, reason) => {
  expect(exchange(server).error).toBe(reason);
});

test('exchangeLine() accepts nothing but a line with ok: true, and always closes the socket in time', () => {
  const piece = fc.oneof(
    fc
      .constantFrom('{"ok":true}\n', '{"ok":', 'true}', '\n', '{"ok":false}\n', '{}\n', '[]\n', '"ok"\n')
      .map(bytes),
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 9 }),
      (answer, stays, takes) => {
        const [line, ...more] = Buffer.concat(answer).toString('latin1').split('\n');
        const isOk = more.length > 0 && (line?.length ?? 0) < MAX_ANSWER_BYTES && saysOk(line ?? '');
        expect(exchange({ answer, stays, takes }).error === undefined).toBe(isOk);
      },
    ),
    { numRuns: 2000 },
  );
});

function saysOk(line: string): boolean {
  try {
    return JSON.parse(line)?.ok === true;
  } catch {
    return false;
  }
}
