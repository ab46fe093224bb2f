import {
  type Ack,
  decodeAck,
  decodeDone,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_MIN_TYPE,
  NLMSG_OVERRUN,
} from './codec/ack.ts';
import { MessageReader } from './codec/message.ts';
import type { Request } from './codec/request.ts';
import { NetlinkError } from './errors.ts';
import { ENOBUFS, FIRST_BYTES, type NetlinkSocket } from './socket.ts';

/** The kernel fills this much with one part of a dump when the receiver has room for it. */
const DUMP_BYTES = 32 * 1024;

/** A conversation about requests that have been sent. */
export interface Conversation {
  /** Sequence number of the first request. */
  first: number;
  /** Number of requests. */
  count: number;
  /** The request that errors name. */
  request: Request;
  /** Receives each object of the answers. */
  each?: (message: MessageReader) => void;
  /**
   * Receives each acknowledgement. Returns true for the one that ends the conversation.
   *
   * @default the first one ends it
   */
  acked?: (sequence: number, ack: Ack) => boolean;
  /**
   * Any object ends the conversation.
   *
   * @default false
   */
  single?: boolean;
}

/** How a conversation ended. */
export interface Outcome {
  /** The acknowledgement or end that closed the conversation. */
  ack?: Ack;
  /** A message exceeded the buffer, which has grown. */
  truncated: boolean;
  /** The objects changed during the dump. */
  interrupted: boolean;
  /** The kernel dropped answers, because the receive buffer was full. Those before it have been read. */
  lost?: NetlinkError;
}

/**
 * Receives until the conversation ends, at NLMSG_DONE or as its options say. Drops messages of older conversations. When
 * the kernel dropped answers, it reads all that are left: until then the kernel sends none to the socket. Without `acked`
 * it throws that error. It rethrows what `each` throws after reading the whole answer, so that the next conversation does
 * not receive the rest.
 */
export function converse(
  socket: NetlinkSocket,
  { first, count, request, each, acked, single = false }: Conversation,
): Outcome {
  const outcome: Outcome = { truncated: false, interrupted: false };
  let failed: { error: unknown } | undefined;
  let message: MessageReader | undefined;
  for (let over = false; !over || outcome.lost !== undefined; ) {
    let length: number;
    try {
      length = socket.receive(request, !outcome.truncated && outcome.lost === undefined);
    } catch (error) {
      if (!(error instanceof NetlinkError && error.errno === ENOBUFS)) {
        throw error;
      }
      outcome.lost ??= error;
      continue;
    }
    // Nothing more comes: the truncated datagram contained the end.
    if (length < 0) {
      break;
    }
    if (length > socket.received.length) {
      // The rest of this datagram is lost; later ones still come.
      socket.received = new Uint8Array(1 << (32 - Math.clz32(length - 1)));
      outcome.truncated = true;
      if (acked !== undefined && outcome.lost === undefined) {
        return outcome;
      }
      continue;
    }
    if (message === undefined) {
      message = new MessageReader(socket.received, length);
    } else {
      message.restart(socket.received, length);
    }
    // After a long part of a dump more of them follow. The reader keeps the bytes of this one.
    if (2 * length > FIRST_BYTES && socket.received.length < DUMP_BYTES) {
      socket.received = new Uint8Array(DUMP_BYTES);
    }
    while (message.next()) {
      if (message.port !== socket.port || (message.sequence - first) >>> 0 >= count) {
        continue;
      }
      if ((message.flags & NLM_F_DUMP_INTR) !== 0) {
        outcome.interrupted = true;
      }
      if (message.type >= NLMSG_MIN_TYPE) {
        try {
          if (failed === undefined && !outcome.truncated) {
            each?.(message);
          }
        } catch (error) {
          failed = { error };
        }
        if (single) {
          over = true;
        }
      } else if (message.type === NLMSG_ERROR) {
        const ack = decodeAck(message, message.flags);
        if (acked === undefined || acked(message.sequence, ack)) {
          over = true;
        }
        outcome.ack = ack;
      } else if (message.type === NLMSG_DONE) {
        outcome.ack = decodeDone(message, message.flags);
        over = true;
      } else if (message.type === NLMSG_OVERRUN) {
        outcome.truncated = true;
      }
    }
  }
  if (failed !== undefined) {
    throw failed.error;
  }
  if (outcome.lost !== undefined && acked === undefined) {
    throw outcome.lost;
  }
  return outcome;
}
