import { checkSpec } from '#check-spec';
import type { Encoder } from '../../codec/encoder.ts';
import type { AttributeReader, UnknownAttribute } from '../../codec/reader.ts';
import { keepUnknown } from '../../codec/table.ts';
import type { LinkKindCodec } from './kind.ts';

const VETH_INFO_PEER = 1;
const IFINFOMSG_SIZE = 16;

/**
 * The peer of a veth. It cannot be up from the same message: veth refuses that with ENOTCONN before both ends know each other.
 */
export interface VethPeer {
  name?: string;
  mtu?: number;
  mac?: string;
  /**
   * Number of queues.
   *
   * @default the number of possible processors (Linux 5.17)
   */
  txQueues?: number;
  rxQueues?: number;
  /** Descriptor of the network namespace to create the peer in. */
  netns?: number;
}

export interface VethAttributes {
  peer?: VethPeer;
}

export const veth: LinkKindCodec = {
  table: {},
  write(encoder: Encoder, { peer }: VethAttributes): void {
    writePeer(encoder, VETH_INFO_PEER, peer);
  },
  read(reader: AttributeReader, into: VethAttributes): boolean {
    if (reader.type !== VETH_INFO_PEER) {
      return false;
    }
    into.peer = readPeer(reader, 'VETH_INFO_PEER');
    return true;
  },
};

/** Writes the other end of a pair: struct ifinfomsg and attributes of a link. */
export function writePeer(encoder: Encoder, type: number, peer: VethPeer | undefined): void {
  if (peer === undefined) {
    return;
  }
  checkSpec('peer', peer);
  const info = encoder.nest(type);
  encoder.putZeros(IFINFOMSG_SIZE);
  if (peer.mtu !== undefined) {
    encoder.u32(4, peer.mtu, 'peer.mtu');
  }
  if (peer.mac !== undefined) {
    encoder.mac(1, peer.mac, 'Peer MAC');
  }
  if (peer.txQueues !== undefined) {
    encoder.u32(31, peer.txQueues, 'peer.txQueues');
  }
  if (peer.rxQueues !== undefined) {
    encoder.u32(32, peer.rxQueues, 'peer.rxQueues');
  }
  if (peer.netns !== undefined) {
    encoder.u32(28, peer.netns, 'peer.netns');
  }
  if (peer.name !== undefined) {
    encoder.string(3, peer.name, 16);
  }
  encoder.end(info);
}

/** Reads the other end of a pair. */
export function readPeer(attribute: AttributeReader, what: string): VethPeer {
  const reader = attribute.attributes(what, IFINFOMSG_SIZE);
  const peer: VethPeer & { unknown?: UnknownAttribute[] } = {};
  while (reader.next()) {
    if (reader.type === 4) {
      peer.mtu = reader.u32('IFLA_MTU');
    } else if (reader.type === 1) {
      peer.mac = reader.mac();
    } else if (reader.type === 31) {
      peer.txQueues = reader.u32('IFLA_NUM_TX_QUEUES');
    } else if (reader.type === 32) {
      peer.rxQueues = reader.u32('IFLA_NUM_RX_QUEUES');
    } else if (reader.type === 28) {
      peer.netns = reader.u32('IFLA_NET_NS_FD');
    } else if (reader.type === 3) {
      peer.name = reader.string();
    } else {
      keepUnknown(peer, reader);
    }
  }
  return peer;
}
