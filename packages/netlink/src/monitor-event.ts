import { NetlinkEncodeError } from './codec/errors.ts';
import type { MessageReader } from './codec/message.ts';
import { type Address, decodeAddress } from './route/address.ts';
import * as k from './route/constants.ts';
import { decodeLink } from './route/link-of-kind.ts';
import type { Link } from './route/link-types.ts';
import { decodeNeighbour, type Neighbour } from './route/neighbour.ts';
import { decodeNetconf, type Netconf } from './route/netconf.ts';
import { decodeRoute, type Route } from './route/route-decode.ts';
import { decodeRoutingRule, type RoutingRule } from './route/rule.ts';

/** RTNLGRP_* (linux/rtnetlink.h). */
const groupNumbers = {
  link: 1,
  neighbour: 3,
  tc: 4,
  'ipv4-address': 5,
  'ipv4-route': 7,
  'ipv4-rule': 8,
  'ipv6-address': 9,
  'ipv6-route': 11,
  'ipv6-rule': 19,
  'ipv4-netconf': 24,
  'ipv6-netconf': 25,
  nsid: 28,
} as const;

/** Names of the kernel's RTNLGRP_*. */
export type GroupName = keyof typeof groupNumbers;

/** `new`: created or changed; `del`: deleted. */
export type Action = 'new' | 'del';

/** An event of {@link Monitor}. */
export type Event =
  | { type: 'link'; action: Action; link: Link }
  | { type: 'address'; action: Action; address: Address }
  | { type: 'route'; action: Action; route: Route }
  | { type: 'neighbour'; action: Action; neighbour: Neighbour }
  | { type: 'rule'; action: Action; rule: RoutingRule }
  | { type: 'netconf'; action: Action; netconf: Netconf }
  /** A message without a decoder: its RTM_* number and body. */
  | { type: 'other'; message: number; payload: Uint8Array }
  /** Events were lost: dump again. */
  | { type: 'overflow' };

/** Returns the mask for bind(2): bit n-1 is group n. */
export function groupMask(groups: readonly GroupName[]): number {
  let mask = 0;
  for (const group of groups) {
    const number = groupNumbers[group];
    if (number === undefined) {
      const known = Object.keys(groupNumbers).join(', ');
      throw new NetlinkEncodeError('BAD_REQUEST', `Unknown group ${String(group)}: expected one of ${known}`);
    }
    mask |= 1 << (number - 1);
  }
  return mask >>> 0;
}

/**
 * Decodes one notification.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeEvent(message: MessageReader): Event {
  switch (kindOf(message)) {
    case k.RTM_NEWLINK:
    case k.RTM_DELLINK:
      return { type: 'link', action: actionOf(message.type), link: decodeLink(message) };
    case k.RTM_NEWADDR:
    case k.RTM_DELADDR:
      return { type: 'address', action: actionOf(message.type), address: decodeAddress(message) };
    case k.RTM_NEWROUTE:
    case k.RTM_DELROUTE:
      return { type: 'route', action: actionOf(message.type), route: decodeRoute(message) };
    case k.RTM_NEWNEIGH:
    case k.RTM_DELNEIGH:
      return { type: 'neighbour', action: actionOf(message.type), neighbour: decodeNeighbour(message) };
    case k.RTM_NEWRULE:
    case k.RTM_DELRULE:
      return { type: 'rule', action: actionOf(message.type), rule: decodeRoutingRule(message) };
    case k.RTM_NEWNETCONF:
    case k.RTM_DELNETCONF:
      return { type: 'netconf', action: actionOf(message.type), netconf: decodeNetconf(message) };
    default:
      return {
        type: 'other',
        message: message.type,
        payload: message.bytes.slice(message.start, message.end),
      };
  }
}

/**
 * Returns the message's type, or 0 when it has another meaning: RTM_DELLINK in the bridge's family reports that a port
 * left the bridge, not that the link was deleted.
 */
function kindOf({ type, bytes, start, end }: MessageReader): number {
  const family = start < end ? bytes[start] : k.AF_UNSPEC;
  const isLink = type === k.RTM_NEWLINK || type === k.RTM_DELLINK;
  if (isLink) {
    return family === k.AF_UNSPEC ? type : 0;
  }
  const isNeighbour = type === k.RTM_NEWNEIGH || type === k.RTM_DELNEIGH;
  if (family === k.AF_INET || family === k.AF_INET6) {
    return type;
  }
  return isNeighbour && family === k.AF_BRIDGE ? type : 0;
}

/** Every family numbers NEW, DEL, GET, SET in this order. */
const actionOf = (type: number): Action => ((type & 3) === 0 ? 'new' : 'del');
