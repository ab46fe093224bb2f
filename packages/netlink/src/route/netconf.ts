/**
 * Notifications of changed settings below net.ipv4.conf and net.ipv6.conf (RTM_NEWNETCONF, linux/netconf.h). The kernel
 * sends them for writes to /proc/sys, not for `setLink()` with `ipv4Conf`.
 */
import type { Family } from '@cnikit/ip';
import type { Payload } from '../codec/bytes.ts';
import { attributesAfter } from '../codec/message.ts';
import { familyWord } from './family.ts';

/** struct netconfmsg with its padding. */
const NETCONFMSG_SIZE = 4;
const NETCONFA_IFINDEX = 1;
const NETCONFA_FORWARDING = 2;
const NETCONFA_RP_FILTER = 3;
/** NETCONFA_IFINDEX_ALL and NETCONFA_IFINDEX_DEFAULT. */
const ALL = -1;
const DEFAULT = -2;

/** Settings of a link, or of the directories `all` and `default`. A notification has only those that changed. */
export interface Netconf {
  family: Family;
  /** Index of the link. */
  link: number | 'all' | 'default';
  forwarding?: boolean;
  /** 0 off, 1 strict, 2 loose. IPv4 only. */
  rpFilter?: number;
}

/**
 * Decodes the body of a notification.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeNetconf(payload: Payload): Netconf {
  const reader = attributesAfter(payload, NETCONFMSG_SIZE, 'netconfmsg');
  const family = familyWord(payload.bytes[payload.start]!, payload, 'netconfmsg family') as Family;
  const netconf: Netconf = { family, link: 'all' };
  while (reader.next()) {
    switch (reader.type) {
      case NETCONFA_IFINDEX: {
        const index = reader.u32('NETCONFA_IFINDEX') | 0;
        netconf.link = index === ALL ? 'all' : index === DEFAULT ? 'default' : index;
        break;
      }
      case NETCONFA_FORWARDING:
        netconf.forwarding = reader.u32('NETCONFA_FORWARDING') !== 0;
        break;
      case NETCONFA_RP_FILTER:
        netconf.rpFilter = reader.u32('NETCONFA_RP_FILTER');
        break;
    }
  }
  return netconf;
}
