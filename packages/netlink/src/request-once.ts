/** One request on a socket that receives events. */

import { MSG_DONTWAIT, MSG_TRUNC, POLLIN, type Sys, SysError } from '@cnikit/sys';
import { writeMessage } from '#native';
import { decodeAck, NLM_F_ACK, NLM_F_REQUEST, NLMSG_ERROR } from './codec/ack.ts';
import { NLMSG_HDRLEN } from './codec/encoder.ts';
import { MessageReader } from './codec/message.ts';
import type { Request } from './codec/request.ts';
import { NetlinkError, refusal } from './errors.ts';

const SEQUENCE = 1;
const ANSWER_TIMEOUT_MS = 10_000;
const ETIMEDOUT = 110;

/**
 * Returns a function that sends the request and waits for its acknowledgement. Events that arrive before it are dropped.
 *
 * @throws {NetlinkError} when the kernel refuses the request
 */
export function requestOnce(request: Request): (sys: Sys, fd: number) => void {
  return (sys, fd) => {
    const bytes = new Uint8Array((NLMSG_HDRLEN + request.payload.length + 3) & ~3);
    const flags = request.flags | NLM_F_REQUEST | NLM_F_ACK;
    writeMessage(bytes, 0, request.type, flags, SEQUENCE, 0, request.payload, true);
    sys.send(fd, bytes);
    const buffer = new Uint8Array(64 * 1024);
    while (!isAcknowledged(sys, fd, buffer, request)) {
      if (sys.poll(fd, POLLIN, ANSWER_TIMEOUT_MS) === 0) {
        throw new NetlinkError({ errno: ETIMEDOUT, problem: 'No answer to', request });
      }
    }
  };
}

/** Reads what has arrived. Returns false when the acknowledgement has not. */
function isAcknowledged(sys: Sys, fd: number, buffer: Uint8Array, request: Request): boolean {
  for (;;) {
    let length: number;
    try {
      length = sys.recv(fd, buffer, MSG_DONTWAIT | MSG_TRUNC);
    } catch (error) {
      if (error instanceof SysError && (error.code === 'EAGAIN' || error.code === 'EINTR')) {
        return false;
      }
      throw error;
    }
    const message = new MessageReader(buffer, Math.min(length, buffer.length));
    while (message.next()) {
      if (message.type === NLMSG_ERROR && message.sequence === SEQUENCE) {
        const ack = decodeAck(message, message.flags);
        if (ack.errno !== 0) {
          throw refusal(ack, request);
        }
        return true;
      }
    }
  }
}
