/**
 * Encoding of requests into one datagram. All sockets share a buffer: sends are synchronous, and the system call copies the
 * bytes.
 */
import { fillMessage } from '#fill-message';
import { writeMessage } from '#native';
import { NLM_F_ACK, NLM_F_REQUEST } from './codec/ack.ts';
import type { Request } from './codec/request.ts';
import { messageSize } from './message-size.ts';
import type { FilledRequest } from './template.ts';

const FIRST_BYTES = 1024;
/** Offset of the flags in `struct nlmsghdr`. */
const FLAGS_AT = 6;

let buffer = new Uint8Array(0);
/** Its length, which is a function call for QuickJS. */
let room = 0;
/** Bytes of the datagram, which is the beginning of `buffer`. */
export let datagramSize = 0;
/** Position of its last message. */
let last = 0;

/** The datagram, until the next one is encoded. */
export const datagram = (): Uint8Array => buffer.subarray(0, datagramSize);

/** Has the last message of the datagram acknowledged. */
export function requestAck(): void {
  buffer[last + FLAGS_AT]! |= NLM_F_ACK;
}

/**
 * Encodes the requests from the index `from` up to `until`, as many as `limit` bytes hold, and at least one. The parameters
 * are positional, because each send of a plugin would make an object.
 *
 * @param flags NLM_F_*, added to every request
 * @param acked index of a request to acknowledge; -1 for none
 * @param sequence sequence number of the first request
 * @returns the index of the next request
 * @throws {NetlinkEncodeError} BAD_REQUEST when a value is not a request
 */
export function encodeRequests(
  requests: readonly Request[],
  from: number,
  until: number,
  limit: number,
  flags: number,
  acked: number,
  sequence: number,
  port: number,
): number {
  let at = 0;
  /** Takes the place of a request whose values do not fit its template. */
  let made: Request | undefined;
  let to = from;
  while (to < until) {
    const request = made ?? requests[to]!;
    const { template, values } = request as Partial<FilledRequest>;
    const end = at + (template === undefined ? messageSize(request) : template.messageSize);
    if (end > limit && to > from) {
      break;
    }
    if (end > room) {
      grow(end);
    }
    const more = flags | (to === acked ? NLM_F_REQUEST | NLM_F_ACK : NLM_F_REQUEST);
    if (template === undefined) {
      const { type, flags: own, payload } = request;
      writeMessage(buffer, at, type, own | more, sequence + to - from, port, payload, true);
    } else if (!fillMessage(buffer, at, template.form, more, sequence + to - from, port, values!)) {
      made = template.make(values!);
      continue;
    }
    made = undefined;
    last = at;
    at = end;
    to++;
  }
  datagramSize = at;
  return to;
}

function grow(size: number): void {
  room = Math.max(size, FIRST_BYTES, room * 2);
  const larger = new Uint8Array(room);
  larger.set(buffer);
  buffer = larger;
}
