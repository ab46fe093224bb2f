/** IDs that one network namespace has for others: RTM_NEWNSID, RTM_GETNSID. */
import type { ByteOrder, Payload } from '../codec/bytes.ts';
import { attributesAfter } from '../codec/message.ts';
import { type Request, requestEncoder } from '../codec/request.ts';
import { RTM_GETNSID, RTM_NEWNSID } from './constants.ts';

const NETNSA_NSID = 1;
const NETNSA_PID = 2;
const NETNSA_FD = 3;

/** Another namespace: a descriptor, or a process in it. */
export type NetnsRef = { fd: number } | { pid: number };

/** RTM_GETNSID, `ip netns list-id`. */
export function getNetnsId(netns: NetnsRef, order: ByteOrder = 'little'): Request {
  const encoder = requestEncoder(order).putU32(0);
  if ('fd' in netns) {
    encoder.u32(NETNSA_FD, netns.fd);
  } else {
    encoder.u32(NETNSA_PID, netns.pid);
  }
  return { type: RTM_GETNSID, flags: 0, payload: encoder.finish(), describe: 'get the ID of a namespace' };
}

/** RTM_NEWNSID, `ip netns set`. -1 lets the kernel choose; EEXIST when the namespace has an ID. */
export function newNetnsId(netns: NetnsRef, id = -1, order: ByteOrder = 'little'): Request {
  const encoder = requestEncoder(order).putU32(0).i32(NETNSA_NSID, id);
  if ('fd' in netns) {
    encoder.u32(NETNSA_FD, netns.fd);
  } else {
    encoder.u32(NETNSA_PID, netns.pid);
  }
  return { type: RTM_NEWNSID, flags: 0, payload: encoder.finish(), describe: `new namespace ID ${id}` };
}

/**
 * The id in an RTM_NEWNSID; -1 when there is none yet.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeNetnsId(payload: Payload): number {
  const reader = attributesAfter(payload, 4, 'rtgenmsg');
  let id = -1;
  while (reader.next()) {
    if (reader.type === NETNSA_NSID) {
      id = reader.i32('NETNSA_NSID');
    }
  }
  return id;
}
