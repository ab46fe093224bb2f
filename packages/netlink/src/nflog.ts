/**
 * Packets that rules log to a group (nflog), as an async iterator. Node only.
 *
 * ```ts no-run
 * import { monitorLog, packetHeader } from '@cnikit/netlink/nflog';
 *
 * // nft add rule inet filter input counter log group 7 drop
 * for await (const event of monitorLog({ group: 7 })) {
 *   if (event.type === 'packet') console.log(event.prefix, packetHeader(event.packet)?.source);
 * }
 * ```
 *
 * @module
 */
import { NETLINK_NETFILTER } from '@cnikit/sys';
import { NetlinkEncodeError } from './codec/errors.ts';
import { type ListenOptions, Monitor } from './monitor.ts';
import { bindLogGroup, decodeLogEvent, type LogEvent } from './netfilter/log-packet.ts';
import { requestOnce } from './request-once.ts';

export type { LogEvent, LoggedPacket } from './netfilter/log-packet.ts';
export { type PacketHeader, packetHeader } from './netfilter/packet-header.ts';

/** Options of {@link monitorLog}. */
export interface LogMonitorOptions extends Omit<ListenOptions, 'ignorePort'> {
  /** Group of the rules, 0 to 65535. */
  group: number;
  /**
   * Bytes of each packet to copy.
   *
   * @default 128
   */
  snaplen?: number;
}

/**
 * Listens to the packets that rules log to a group. A group has one listener. Needs CAP_NET_ADMIN.
 *
 * @throws {NetlinkError} EBUSY or EPERM when another program listens, EINVAL without the module nfnetlink_log
 * @throws {NetlinkEncodeError} BAD_VALUE when group or snaplen is not a 16-bit number
 * @throws {SysError} like `openRtnetlink()`
 */
export function monitorLog({ group, snaplen = 128, ...options }: LogMonitorOptions): Monitor<LogEvent> {
  for (const [name, value] of Object.entries({ group, snaplen })) {
    if (!(Number.isInteger(value) && value >= 0 && value <= 0xffff)) {
      throw new NetlinkEncodeError('BAD_VALUE', `${name} is not an integer from 0 to 65535: ${value}`);
    }
  }
  const source = {
    protocol: NETLINK_NETFILTER,
    mask: 0,
    decode: decodeLogEvent,
    start: requestOnce(bindLogGroup(group, snaplen)),
  };
  return new Monitor(source, options);
}
