/** Packets that rules log, and the configuration of their group (linux/netfilter/nfnetlink_log.h). */
import type { ByteOrder } from '../codec/bytes.ts';
import { attributesAfter, type MessageReader } from '../codec/message.ts';
import type { Request } from '../codec/request.ts';
import { readField, type Table } from '../codec/table.ts';
import { NFGENMSG_SIZE, type NfFamily, nfFamilyWord, nfHeader } from './nf-message.ts';

const NFNL_SUBSYS_ULOG = 4;
const NFULNL_MSG_PACKET = NFNL_SUBSYS_ULOG << 8;
const NFULNL_MSG_CONFIG = NFULNL_MSG_PACKET | 1;

const NFULA_CFG_CMD = 1;
const NFULA_CFG_MODE = 2;
const NFULA_CFG_QTHRESH = 5;
const NFULNL_CFG_CMD_BIND = 1;
const NFULNL_COPY_PACKET = 2;

const NFULA_PACKET_HDR = 1;
const NFULA_TIMESTAMP = 3;

const packetTable = {
  mark: [2, 'be32', 'NFULA_MARK'],
  /** Index of the link that received the packet. */
  inputIndex: [4, 'be32', 'NFULA_IFINDEX_INDEV'],
  /** Index of the link that the packet leaves by. */
  outputIndex: [5, 'be32', 'NFULA_IFINDEX_OUTDEV'],
  /** The first bytes of the packet, from its IP header on. */
  packet: [9, 'raw', 'NFULA_PAYLOAD'],
  /** Text of the rule. */
  prefix: [10, 'string', 'NFULA_PREFIX'],
  /** User of the socket that sent the packet. */
  uid: [11, 'be32', 'NFULA_UID'],
  gid: [14, 'be32', 'NFULA_GID'],
} as const satisfies Table;

/** NF_INET_*, by number. */
const hooks = ['prerouting', 'input', 'forward', 'output', 'postrouting', 'ingress'] as const;

/** A packet that a rule logged. */
export interface LoggedPacket {
  family: NfFamily;
  /** The hook of the rule; undefined for one that has no name here. */
  hook?: (typeof hooks)[number] | undefined;
  mark?: number;
  /** Index of the link that received the packet. */
  inputIndex?: number;
  /** Index of the link that the packet leaves by. */
  outputIndex?: number;
  /** The first bytes of the packet, from its IP header on. */
  packet: Uint8Array;
  /** Text of the rule. */
  prefix: string;
  /** User of the socket that sent the packet. */
  uid?: number;
  gid?: number;
  /** Milliseconds since the epoch, when a link of this host received the packet. */
  receivedAt?: number;
}

/** An event of a log group. */
export type LogEvent =
  | ({ type: 'packet' } & LoggedPacket)
  /** A message of another type. */
  | { type: 'other'; message: number; payload: Uint8Array };

/** Returns the request that binds a group to the socket, with a copy of the first `snaplen` bytes of each packet. */
export function bindLogGroup(group: number, snaplen: number, order: ByteOrder = 'little'): Request {
  const payload = nfHeader('unspec', order, group)
    .raw(NFULA_CFG_CMD, Uint8Array.of(NFULNL_CFG_CMD_BIND))
    .raw(NFULA_CFG_MODE, Uint8Array.of(0, 0, snaplen >> 8, snaplen & 0xff, NFULNL_COPY_PACKET, 0))
    // The kernel would collect packets for up to a second.
    .raw(NFULA_CFG_QTHRESH, Uint8Array.of(0, 0, 0, 1))
    .finish();
  return { type: NFULNL_MSG_CONFIG, flags: 0, payload, describe: `bind log group ${group}` };
}

/**
 * Decodes one message of a log group.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeLogEvent(message: MessageReader): LogEvent {
  if (message.type !== NFULNL_MSG_PACKET) {
    const { type, bytes, start, end } = message;
    return { type: 'other', message: type, payload: bytes.slice(start, end) };
  }
  const event: LogEvent = {
    type: 'packet',
    family: nfFamilyWord(message.bytes[message.start]),
    packet: new Uint8Array(),
    prefix: '',
  };
  const reader = attributesAfter(message, NFGENMSG_SIZE, 'nfgenmsg');
  while (reader.next()) {
    if (reader.type === NFULA_PACKET_HDR) {
      event.hook = hooks[reader.raw()[2]!];
    } else if (reader.type === NFULA_TIMESTAMP) {
      const view = viewOf(reader.raw());
      event.receivedAt = Number(view.getBigUint64(0)) * 1000 + Number(view.getBigUint64(8)) / 1000;
    } else {
      readField(reader, packetTable, event as unknown as Record<string, unknown>);
    }
  }
  return event;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
