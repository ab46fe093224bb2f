import { NLMSG_HDRLEN } from './codec/encoder.ts';
import { NetlinkEncodeError } from './codec/errors.ts';
import type { Request } from './codec/request.ts';

/**
 * Returns the bytes that a request takes in a datagram: header, body and padding.
 *
 * @throws {NetlinkEncodeError} BAD_REQUEST when the value is not a request
 */
export function messageSize(request: Request): number {
  if (request.payload === undefined) {
    const hint = 'build one with newLink() or a function like it';
    throw new NetlinkEncodeError('BAD_REQUEST', `Not a request: ${JSON.stringify(request)}; ${hint}`);
  }
  return (NLMSG_HDRLEN + request.payload.length + 3) & ~3;
}
