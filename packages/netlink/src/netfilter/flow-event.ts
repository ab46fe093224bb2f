/** Events of connection tracking. */
import { NLM_F_CREATE } from '../codec/ack.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import type { MessageReader } from '../codec/message.ts';
import { decodeFlow, type Flow, IPCTNL_MSG_CT_DELETE, IPCTNL_MSG_CT_NEW } from './flow.ts';

/** NFNLGRP_CONNTRACK_* (linux/netfilter/nfnetlink_compat.h). */
const groupNumbers = { new: 1, update: 2, destroy: 3 } as const;

/** Changes of a connection. */
export type FlowAction = keyof typeof groupNumbers;

/** An event of connection tracking. An `update` and a `destroy` do not have every property of the connection. */
export type FlowEvent =
  | { type: 'flow'; action: FlowAction; flow: Flow }
  /** A message of another type. */
  | { type: 'other'; message: number; payload: Uint8Array };

/** Returns the mask for bind(2): bit n-1 is group n. */
export function flowGroupMask(actions: readonly FlowAction[]): number {
  let mask = 0;
  for (const action of actions) {
    if (!Object.hasOwn(groupNumbers, action)) {
      throw new NetlinkEncodeError(
        'BAD_REQUEST',
        `Unknown action ${action}: expected new, update or destroy`,
      );
    }
    mask |= 1 << (groupNumbers[action] - 1);
  }
  return mask;
}

/**
 * Decodes one notification.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeFlowEvent(message: MessageReader): FlowEvent {
  const { type, flags } = message;
  if (type === IPCTNL_MSG_CT_NEW) {
    const action = (flags & NLM_F_CREATE) === 0 ? 'update' : 'new';
    return { type: 'flow', action, flow: decodeFlow(message) };
  }
  if (type === IPCTNL_MSG_CT_DELETE) {
    return { type: 'flow', action: 'destroy', flow: decodeFlow(message) };
  }
  return { type: 'other', message: type, payload: message.bytes.slice(message.start, message.end) };
}
