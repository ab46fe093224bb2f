import { NETLINK_ROUTE, SO_SNDBUFFORCE, SOL_SOCKET } from '@cnikit/sys';
import { describe, expect, test } from 'vitest';
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_ECHO, NLMSG_NOOP } from './codec/ack.ts';
import { Encoder } from './codec/encoder.ts';
import { NetlinkDecodeError } from './codec/errors.ts';
import type { MessageReader } from './codec/message.ts';
import type { Request } from './codec/request.ts';
import { Connection } from './connection.ts';
import { fakePeer, type Handler } from './testing.ts';

const EPERM = 1;
const ENOENT = 2;
const EINTR = 4;
const EAGAIN = 11;
const EBUSY = 16;
const EEXIST = 17;
const ENOBUFS = 105;

const request = (describe: string, size = 4): Request => ({
  type: 16,
  flags: NLM_F_CREATE,
  payload: new Uint8Array(size),
  describe,
});
const dump: Request = { type: 18, flags: NLM_F_DUMP, payload: new Uint8Array(4), describe: 'dump things' };
const number = (value: number, size = 4): Uint8Array =>
  new Encoder()
    .putU32(value)
    .putZeros(size - 4)
    .finish();
const decode = (message: MessageReader): number => message.bytes[message.start]!;

function connect(handler: Handler, dumpAttempts?: number) {
  const peer = fakePeer(handler);
  const connection = new Connection({
    sys: peer.sys,
    protocol: NETLINK_ROUTE,
    dumpAttempts,
  });
  return { peer, connection };
}

describe('Connection.request()', () => {
  test('request() requests an acknowledgement and returns on it', () => {
    const { peer, connection } = connect((_, answer) => answer.ack());
    connection.request(request('new thing'));
    expect(peer.sent).toEqual([[expect.objectContaining({ type: 16, flags: NLM_F_CREATE | NLM_F_ACK | 1 })]]);
  });

  test("request() begins again with sequence number 1, because 0 is the kernel's", () => {
    const { peer, connection } = connect((_, answer) => answer.ack());
    connection.socket.sequence = 0xffff_fffd;
    connection.request(request('before'));
    connection.request(request('after'));
    expect(peer.sent.flat().map(({ sequence }) => sequence)).toEqual([0xffff_fffe, 1]);
  });

  test("request() throws the kernel's explanation", () => {
    const { connection } = connect((_, answer) => answer.ack(EEXIST, 'There is one'));
    expect(() => connection.request(request('new thing'))).toThrow(
      expect.objectContaining({
        name: 'NetlinkError',
        code: 'EEXIST',
        errno: EEXIST,
        message: 'Kernel refused new thing: EEXIST, There is one',
        extack: { message: 'There is one' },
        request: expect.objectContaining({ describe: 'new thing' }),
      }),
    );
  });

  test('request() throws the meaning of the errno without an explanation', () => {
    const { connection } = connect((_, answer) => answer.ack(EEXIST));
    expect(() => connection.request(request('new thing'))).toThrow(
      'Kernel refused new thing: EEXIST, File exists',
    );
  });

  test.each([
    ['another sequence', { sequence: 99 }],
    ['another port', { port: 1 }],
  ])('request() ignores an answer with %s', (_, header) => {
    const { connection } = connect((_, answer) => {
      answer.message(2, new Encoder().putI32(-EEXIST).putZeros(16).finish(), header);
      answer.flush();
      answer.ack();
    });
    connection.request(request('new thing'));
  });

  test('request() waits for a late answer and throws ETIMEDOUT without one', () => {
    const late = connect((_, answer) => {
      answer.fail(EAGAIN);
      answer.ack();
    });
    late.connection.request(request('new thing'));
    const never = connect((_, answer) => answer.fail(EAGAIN));
    expect(() => never.connection.request(request('new thing'))).toThrow(
      expect.objectContaining({
        code: 'ETIMEDOUT',
        message: expect.stringMatching(/^No answer to new thing/),
      }),
    );
  });

  test('request() receives again after EINTR', () => {
    const { connection } = connect((_, answer) => {
      answer.fail(EINTR);
      answer.ack();
    });
    connection.request(request('new thing'));
  });

  test('request() throws ENOBUFS when the kernel dropped answers', () => {
    const { connection } = connect((_, answer) => answer.fail(ENOBUFS));
    expect(() => connection.request(request('new thing'))).toThrow(
      expect.objectContaining({
        code: 'ENOBUFS',
        message: expect.stringMatching(/^The kernel dropped answers to new thing/),
      }),
    );
  });

  test('request() throws a decode error and works afterwards', () => {
    let broken = true;
    const { connection } = connect((_, answer) => {
      if (broken) {
        answer.message(2, new Uint8Array(2));
      } else {
        answer.ack();
      }
      broken = false;
    });
    expect(() => connection.request(request('new thing'))).toThrow(NetlinkDecodeError);
    connection.request(request('new thing'));
  });
});

describe('Connection.batch()', () => {
  const some = (count: number, size?: number) =>
    Array.from({ length: count }, (_, i) => request(`thing ${i}`, size));

  test('batch() sends all requests at once and requests one acknowledgement', () => {
    const { peer, connection } = connect(() => {});
    connection.batch(some(3));
    expect(peer.sent.map((messages) => messages.map(({ flags }) => (flags & NLM_F_ACK) !== 0))).toEqual([
      [false, false, true],
    ]);
  });

  test('batch() tries all requests and throws the first failure with all failures', () => {
    const { peer, connection } = connect(({ sequence }, answer) => {
      if (sequence === 2 || sequence === 4) {
        answer.ack(sequence === 2 ? EEXIST : EBUSY);
      }
    });
    const failure = (index: number, code: string) => expect.objectContaining({ index, code });
    expect(() => connection.batch(some(5))).toThrow(
      expect.objectContaining({
        code: 'EEXIST',
        index: 1,
        message: expect.stringContaining('thing 1'),
        failures: [failure(1, 'EEXIST'), failure(3, 'EBUSY')],
      }),
    );
    expect(peer.sent[0]).toHaveLength(5);
  });

  test('batch() throws a failure of the last request', () => {
    const { connection } = connect(({ sequence }, answer) => answer.ack(sequence === 3 ? EEXIST : 0));
    expect(connection.batchSettled(some(3)).map(({ index }) => index)).toEqual([2]);
  });

  test('batch() splits many requests and keeps their indexes', () => {
    const { peer, connection } = connect(({ sequence }, answer) => {
      if (sequence === 1000) {
        answer.ack(EEXIST);
      }
    });
    expect(connection.batchSettled(some(1000)).map(({ index }) => index)).toEqual([999]);
    expect(peer.sent.length).toBeGreaterThan(1);
    expect(peer.sent.flat()).toHaveLength(1000);
  });

  test('batch() splits by size and sends an oversized request alone', () => {
    const { peer, connection } = connect(() => {});
    connection.batch([...some(3, 40_000), ...some(1, 100_000)]);
    expect(peer.sent.map((messages) => messages.length)).toEqual([1, 1, 1, 1]);
  });

  test('batch() sends nothing without requests', () => {
    const { peer, connection } = connect(() => {});
    connection.batch([]);
    expect(peer.sent).toEqual([]);
  });
});

describe('Connection.dump()', () => {
  test('dump() collects all parts', () => {
    const { connection } = connect((_, answer) => {
      answer.message(16, number(1));
      answer.message(16, number(2));
      answer.flush();
      answer.message(16, number(3));
      answer.flush();
      answer.done();
    });
    expect(connection.dump(dump, decode)).toEqual([1, 2, 3]);
  });

  test('dump() repeats when a part is marked as interrupted', () => {
    let times = 0;
    const { connection } = connect((_, answer) => {
      times++;
      answer.message(16, number(times));
      answer.message(16, number(9), { flags: times < 3 ? NLM_F_DUMP_INTR : 0 });
      answer.done();
    });
    expect(connection.dump(dump, decode)).toEqual([3, 9]);
  });

  test('dump() repeats when it ends with EINTR', () => {
    let times = 0;
    const { connection } = connect((_, answer) => answer.done(times++ === 0 ? EINTR : 0));
    expect(connection.dump(dump, decode)).toEqual([]);
    expect(times).toBe(2);
  });

  test('dump() throws EINTR after the last attempt', () => {
    const { connection } = connect((_, answer) => {
      answer.message(16, number(1), { flags: NLM_F_DUMP_INTR });
      answer.done();
    }, 3);
    expect(() => connection.dump(dump, decode)).toThrow(
      expect.objectContaining({
        code: 'EINTR',
        message: expect.stringContaining('Changes interrupted 3 times'),
      }),
    );
  });

  test('dump() grows its buffer for a part that does not fit', () => {
    for (const endInside of [true, false]) {
      const { peer, connection } = connect((_, answer) => {
        answer.message(16, number(1, 50_000));
        answer.message(16, number(2, 50_000));
        if (!endInside) {
          answer.flush();
        }
        answer.done();
      });
      expect(connection.dump(dump, decode)).toEqual([1, 2]);
      expect(peer.sent).toHaveLength(2);
    }
  });

  test('dump() throws a failure at its end', () => {
    const { connection } = connect((_, answer) => answer.done(EBUSY));
    expect(() => connection.dump(dump, decode)).toThrow(expect.objectContaining({ code: 'EBUSY' }));
  });

  test('dump() reads to the end when the decoder throws', () => {
    const { connection } = connect((_, answer) => {
      answer.message(16, number(1));
      answer.flush();
      answer.message(16, number(2));
      answer.done();
    });
    const broken = new Error('broken');
    expect(() =>
      connection.dump(dump, () => {
        throw broken;
      }),
    ).toThrow(broken);
    expect(connection.dump(dump, decode)).toEqual([1, 2]);
  });
});

describe('Connection.query()', () => {
  test('query() returns the answer', () => {
    const { connection } = connect((_, answer) => {
      answer.message(16, number(7));
      answer.flush();
      answer.ack();
    });
    expect(connection.query({ ...dump, flags: 0 }, decode)).toBe(7);
  });

  test('query() repeats with a larger buffer, but never creates twice', () => {
    const handler: Handler = (_, answer) => {
      answer.message(16, number(7, 40_000));
      answer.flush();
      answer.ack();
    };
    const asking = connect(handler);
    expect(asking.connection.query({ ...dump, flags: 0 }, decode)).toBe(7);
    expect(asking.peer.sent).toHaveLength(2);
    const making = connect(handler);
    expect(making.connection.query({ ...dump, flags: NLM_F_ECHO }, decode)).toBeUndefined();
    expect(making.peer.sent).toHaveLength(1);
  });
});

describe('Connection.queryOne()', () => {
  test('queryOne() returns the answer without an acknowledgement', () => {
    const { peer, connection } = connect((_, answer) => answer.message(16, number(7)));
    expect(connection.queryOne({ ...dump, flags: 0 }, decode)).toBe(7);
    expect(connection.queryOne({ ...dump, flags: 0 }, () => undefined)).toBeUndefined();
    expect(peer.sent.flat().map(({ flags }) => flags)).toEqual([1, 1]);
  });

  test('queryOne() throws refusals and errors of the decoder', () => {
    const refusing = connect((_, answer) => answer.ack(EEXIST)).connection;
    expect(() => refusing.queryOne({ ...dump, flags: 0 }, decode)).toThrow('EEXIST');
    const answering = connect((_, answer) => answer.message(16, number(7))).connection;
    const failing = () => {
      throw new NetlinkDecodeError('TRUNCATED', 'thing', 0, 'too short');
    };
    expect(() => answering.queryOne({ ...dump, flags: 0 }, failing)).toThrow(NetlinkDecodeError);
    expect(answering.queryOne({ ...dump, flags: 0 }, decode)).toBe(7);
  });

  test('queryOne() keeps its message while the decoder asks for another', () => {
    let value = 0;
    const { connection } = connect((_, answer) => answer.message(16, number(++value)));
    const get = { ...dump, flags: 0 };
    const both = connection.queryOne(get, (message) => [
      decode(message),
      connection.queryOne(get, decode),
      message.sequence,
    ]);
    expect(both).toEqual([1, 2, 1]);
  });

  test('queryOne() ignores answers to earlier requests, and reads one that comes late', () => {
    const { connection } = connect((_, answer) => {
      answer.message(16, number(1), { sequence: 77 });
      answer.flush();
      answer.fail(EAGAIN);
      answer.message(16, number(7));
    });
    expect(connection.queryOne({ ...dump, flags: 0 }, decode)).toBe(7);
  });

  test('queryOne() repeats with a larger buffer', () => {
    const { peer, connection } = connect((_, answer) => answer.message(16, number(7, 40_000)));
    expect(connection.queryOne({ ...dump, flags: 0 }, decode)).toBe(7);
    expect(peer.sent).toHaveLength(2);
  });
});

describe('Connection.queryEach()', () => {
  const ask = { ...dump, flags: 0 };

  test('queryEach() sends all requests at once and returns the answers in order', () => {
    let value = 6;
    const { peer, connection } = connect((_, answer) => {
      value++;
      return value === 8 ? answer.ack(ENOENT) : answer.message(16, number(value));
    });
    expect(connection.queryEach([ask, ask, ask], decode)).toEqual([7, undefined, 9]);
    expect(peer.sent.map((one) => one.map(({ flags }) => flags))).toEqual([[1, 1, 1]]);
  });

  test('queryEach() sends nothing without requests, and at most 32 requests at once', () => {
    let value = 0;
    const { peer, connection } = connect((_, answer) => answer.message(16, number(++value)));
    expect(connection.queryEach([], decode)).toEqual([]);
    const all = Array.from({ length: 70 }, () => ask);
    expect(connection.queryEach(all, decode)).toEqual(all.map((_, i) => i + 1));
    expect(peer.sent.map(({ length }) => length)).toEqual([32, 32, 6]);
  });

  test('queryEach() throws another refusal, and its other answers do not reach the next query', () => {
    let value = 0;
    const { connection } = connect((_, answer) => {
      value++;
      return value === 2 ? answer.ack(EEXIST) : answer.message(16, number(value));
    });
    expect(() => connection.queryEach([ask, ask, ask], decode)).toThrow('EEXIST');
    expect(connection.queryEach([ask], decode)).toEqual([4]);
  });

  test('queryEach() repeats from an answer that needs a larger buffer', () => {
    let value = 0;
    const { peer, connection } = connect((_, answer) => {
      value++;
      answer.message(16, number(value, value === 2 ? 40_000 : 4));
    });
    expect(connection.queryEach([ask, ask, ask], decode)).toEqual([1, 4, 5]);
    expect(peer.sent.map(({ length }) => length)).toEqual([3, 1, 1]);
  });
});

describe('Connection.transaction()', () => {
  test('transaction() returns on the acknowledgement of its last request', () => {
    const { peer, connection } = connect(() => undefined);
    connection.transaction([request('begin'), request('one'), request('two'), request('end')]);
    expect(peer.sent[0]!.map(({ flags }) => (flags & NLM_F_ACK) !== 0)).toEqual([false, false, true, false]);
  });

  test('transaction() throws the refusals before the acknowledgement of its last request', () => {
    let count = 0;
    const { connection } = connect((_, answer) => {
      count++;
      if (count === 2) {
        answer.ack(EEXIST);
      }
    });
    const all = [request('begin'), request('one'), request('two'), request('end')];
    expect(() => connection.transaction(all)).toThrow(expect.objectContaining({ code: 'EEXIST', index: 0 }));
    connection.transaction(all);
  });

  test('transaction() throws the refusal of its first request, after which nothing else may come', () => {
    let count = 0;
    const { connection } = connect((_, answer) => {
      count++;
      if (count === 1) {
        answer.ack(EPERM);
      } else {
        // In place of the acknowledgement that the fake would send.
        answer.message(NLMSG_NOOP, new Uint8Array(0), { sequence: 0 });
      }
    });
    const all = [request('begin'), request('one'), request('end')];
    expect(() => connection.transaction(all)).toThrow(expect.objectContaining({ code: 'EPERM', index: -1 }));
  });

  test('transaction() makes room for more than half of a send buffer', () => {
    const peer = fakePeer(() => undefined);
    const options: number[][] = [];
    const sys = { ...peer.sys, setsockopt: (...args: number[]) => void options.push(args) };
    const connection = new Connection({ sys, protocol: NETLINK_ROUTE });
    connection.transaction([request('begin'), request('one', 50_000), request('end')]);
    expect(options).toEqual([]);
    connection.transaction([
      request('begin'),
      request('one', 50_000),
      request('two', 50_000),
      request('end'),
    ]);
    const [[fd, level, option, size] = []] = options;
    expect([fd, level, option]).toEqual([connection.socket.fd, SOL_SOCKET, SO_SNDBUFFORCE]);
    expect(size).toBeGreaterThan(100_000);
  });
});

describe('Connection', () => {
  test('close() closes the socket once', () => {
    const { peer, connection } = connect(() => {});
    expect(peer.open.size).toBe(1);
    connection.close();
    connection.close();
    expect(peer.open.size).toBe(0);
  });

  test('Connection closes the descriptor of a namespace when the socket cannot be opened', () => {
    const peer = fakePeer(() => {});
    const sys = {
      ...peer.sys,
      openNetlink: () => {
        throw new Error('no');
      },
    };
    expect(() => new Connection({ sys, protocol: NETLINK_ROUTE, netns: '/run/netns/x' })).toThrow('no');
    expect(peer.open.size).toBe(0);
  });
});
