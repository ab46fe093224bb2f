/**
 * The kernel's side of a netlink socket, in memory: a function answers every request. For tests of code that takes a
 * `Sys`, without privileges or a kernel.
 *
 * ```ts
 * import { newLink, openRtnetlink } from '@cnikit/netlink';
 * import { fakePeer } from '@cnikit/netlink/testing';
 *
 * const peer = fakePeer((request, answer) => answer.ack(request.type === 16 ? 17 : 0));
 * const rt = openRtnetlink({ sys: peer.sys });
 * try {
 *   rt.request(newLink({ kind: 'bridge', name: 'br0' }));
 * } catch (error) {
 *   console.log(error.code); // EEXIST
 * }
 * ```
 *
 * @module
 */
import { MSG_TRUNC, type Sys, SysError } from '@cnikit/sys';
import type { InternalSys } from '@cnikit/sys/internal';
import { NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP, NLMSG_DONE, NLMSG_ERROR } from './codec/ack.ts';
import { Encoder } from './codec/encoder.ts';
import { encodeMessage, type MessageHeader, MessageReader } from './codec/message.ts';

/** The answer to one message. Each call adds a message to the current datagram. */
export interface Answer {
  /** NLMSG_ERROR: success when `errno` is 0 or absent. */
  ack(errno?: number, text?: string): void;
  /** A message of the answer; header fields default to those that belong to the request. */
  message(type: number, body: Uint8Array, header?: Partial<MessageHeader>): void;
  /** NLMSG_DONE. */
  done(errno?: number): void;
  /** Starts a new datagram. */
  flush(): void;
  /** Makes the next receive fail. */
  fail(errno: number): void;
}

/** Called for every sent message. Without an answer the peer sends the acknowledgement or end that was requested. */
export type Handler = (request: MessageReader, answer: Answer) => void;

/** A fake kernel and the requests that it received. */
export interface FakePeer {
  sys: Sys;
  /** The messages of each send. */
  sent: MessageHeader[][];
  /** Open descriptors. */
  open: Set<number>;
}

/** The port ID of every fake socket. */
export const FAKE_PORT = 4242;

/** Returns a `Sys` whose netlink sockets call `handler`. It has no other calls. */
export function fakePeer(handler: Handler): FakePeer {
  const sent: MessageHeader[][] = [];
  const open = new Set<number>();
  const queue: Array<Uint8Array | number> = [];
  let lastFd = 2;
  const sys: Partial<InternalSys> = {
    open: () => {
      open.add(++lastFd);
      return lastFd;
    },
    close: (fd) => {
      if (!open.delete(fd)) {
        throw new SysError({ syscall: 'close', errno: 9 });
      }
    },
    openNetlink: () => ({ fd: sys.open!('', 0), port: FAKE_PORT }),
    setsockopt: () => {},
    poll: () => (queue.length > 0 ? 1 : 0),
    send: (_, data) => {
      const headers: MessageHeader[] = [];
      const request = new MessageReader(data.slice());
      while (request.next()) {
        const { type, flags, sequence, port } = request;
        headers.push({ type, flags, sequence, port });
        queue.push(...answerTo(request, handler));
      }
      sent.push(headers);
      return data.length;
    },
    sendDetached: (fd, data) => sys.send!(fd, data),
    recv: (_, into, flags) => {
      const next = queue.shift();
      if (next === undefined) {
        throw new SysError({ syscall: 'recv', errno: 11 });
      }
      if (typeof next === 'number') {
        throw new SysError({ syscall: 'recv', errno: next });
      }
      into.set(next.subarray(0, into.length));
      return (flags & MSG_TRUNC) === 0 ? Math.min(next.length, into.length) : next.length;
    },
  };
  return { sys: sys as Sys, sent, open };
}

function answerTo(request: MessageReader, handler: Handler): Array<Uint8Array | number> {
  const queue: Array<Uint8Array | number> = [];
  const current = new Encoder('little', 1024);
  let answered = false;
  const add = (type: number, body: Uint8Array, header: Partial<MessageHeader> = {}): void => {
    answered = true;
    const { sequence } = request;
    current.putBytes(encodeMessage({ type, flags: 0, sequence, port: FAKE_PORT, ...header }, body));
  };
  const answer: Answer = {
    message: add,
    ack: (errno = 0, text?: string) => {
      const body = new Encoder().putI32(-errno).putU32(16).putU16(request.type).putU16(request.flags);
      body.putU32(request.sequence).putU32(request.port);
      if (text !== undefined) {
        body.string(1, text);
      }
      add(NLMSG_ERROR, body.finish(), { flags: NLM_F_CAPPED | (text === undefined ? 0 : NLM_F_ACK_TLVS) });
    },
    done: (errno = 0) => add(NLMSG_DONE, new Encoder().putI32(-errno).finish()),
    flush: () => {
      if (current.length > 0) {
        queue.push(current.finish());
      }
      current.reset();
    },
    fail: (errno) => {
      answer.flush();
      answered = true;
      queue.push(errno);
    },
  };
  handler(request, answer);
  if (!answered && (request.flags & NLM_F_DUMP) === NLM_F_DUMP) {
    answer.done();
  } else if (!answered && (request.flags & NLM_F_ACK) !== 0) {
    answer.ack();
  }
  answer.flush();
  return queue;
}
