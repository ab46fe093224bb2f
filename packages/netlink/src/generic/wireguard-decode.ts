/** Answers to WG_CMD_GET_DEVICE. */
import { formatAddress } from '@cnikit/ip';
import { toBase64 } from '../codec/base64.ts';
import { type Payload, readU16, readU32, readU64 } from '../codec/bytes.ts';
import { NetlinkDecodeError } from '../codec/errors.ts';
import { attributesAfter } from '../codec/message.ts';
import type { AttributeReader } from '../codec/reader.ts';
import { keepUnknown, readField } from '../codec/table.ts';
import { GENL_HDRLEN } from './family.ts';
import * as wg from './wireguard-types.ts';

/**
 * Decodes the body of one answer to WG_CMD_GET_DEVICE. A device with many peers has several.
 *
 * @throws {NetlinkDecodeError} when the bytes are not valid netlink
 */
export function decodeDevice(payload: Payload): wg.WireGuardDevice {
  const device: wg.WireGuardDevice = { peers: [] };
  const into = device as unknown as Record<string, unknown>;
  const reader = attributesAfter(payload, GENL_HDRLEN, 'genlmsghdr');
  while (reader.next()) {
    switch (reader.type) {
      case wg.WGDEVICE_A_IFINDEX:
        device.index = reader.u32('WGDEVICE_A_IFINDEX');
        break;
      case wg.WGDEVICE_A_IFNAME:
        device.name = reader.string();
        break;
      case wg.WGDEVICE_A_PRIVATE_KEY:
        device.privateKey = readKey(reader, 'WGDEVICE_A_PRIVATE_KEY');
        break;
      case wg.WGDEVICE_A_PUBLIC_KEY:
        device.publicKey = readKey(reader, 'WGDEVICE_A_PUBLIC_KEY');
        break;
      case wg.WGDEVICE_A_PEERS: {
        const peers = reader.attributes('WGDEVICE_A_PEERS');
        while (peers.next()) {
          device.peers.push(readPeer(peers.attributes('WGDEVICE_A_PEERS')));
        }
        break;
      }
      default:
        if (!readField(reader, wg.deviceTable, into)) {
          keepUnknown(device, reader);
        }
    }
  }
  return device;
}

/**
 * Merges the answers for one device. The first has its settings. Allowed IPs that do not fit into one answer are in a peer
 * of the same key at the start of the next.
 */
export function mergeDevice(parts: readonly wg.WireGuardDevice[]): wg.WireGuardDevice | undefined {
  const [first, ...rest] = parts;
  if (first === undefined) {
    return undefined;
  }
  const device: wg.WireGuardDevice = { ...first, peers: [...first.peers] };
  for (const { peers } of rest) {
    for (const peer of peers) {
      const last = device.peers.at(-1);
      if (last?.publicKey === peer.publicKey) {
        last.allowedIps.push(...peer.allowedIps);
      } else {
        device.peers.push(peer);
      }
    }
  }
  return device;
}

function readPeer(reader: AttributeReader): wg.WireGuardPeer {
  const peer: wg.WireGuardPeer = { publicKey: '', allowedIps: [] };
  const into = peer as unknown as Record<string, unknown>;
  while (reader.next()) {
    switch (reader.type) {
      case wg.WGPEER_A_PUBLIC_KEY:
        peer.publicKey = readKey(reader, 'WGPEER_A_PUBLIC_KEY');
        break;
      case wg.WGPEER_A_PRESHARED_KEY:
        readPresharedKey(reader, peer);
        break;
      case wg.WGPEER_A_ENDPOINT:
        peer.endpoint = readEndpoint(reader);
        break;
      case wg.WGPEER_A_LAST_HANDSHAKE_TIME:
        readHandshake(reader, peer);
        break;
      case wg.WGPEER_A_ALLOWEDIPS:
        readAllowedIps(reader.attributes('WGPEER_A_ALLOWEDIPS'), peer.allowedIps);
        break;
      default:
        if (!readField(reader, wg.peerTable, into) && !readField(reader, wg.peerStateTable, into)) {
          keepUnknown(peer, reader);
        }
    }
  }
  return peer;
}

function readKey(reader: AttributeReader, name: string): string {
  reader.size(wg.WG_KEY_LEN, name);
  return toBase64(reader.bytes, reader.start, reader.end);
}

/** Zeros: the peer has none. */
function readPresharedKey(reader: AttributeReader, peer: wg.WireGuardPeer): void {
  const key = readKey(reader, 'WGPEER_A_PRESHARED_KEY');
  if (key !== wg.NO_KEY) {
    peer.presharedKey = key;
  }
}

/** struct sockaddr_in or struct sockaddr_in6. */
function readEndpoint(reader: AttributeReader): wg.WireGuardEndpoint {
  const { bytes, start, order } = reader;
  const little = order === 'little';
  reader.size(wg.SOCKADDR_IN_SIZE, 'WGPEER_A_ENDPOINT', true);
  const family = readU16(bytes, start, little);
  const port = readU16(bytes, start + 2, false);
  if (family === wg.AF_INET) {
    return { address: formatAddress(bytes, start + 4, 4), port };
  }
  if (family !== wg.AF_INET6) {
    throw new NetlinkDecodeError('BAD_VALUE', 'WGPEER_A_ENDPOINT', start, `unknown address family ${family}`);
  }
  reader.size(wg.SOCKADDR_IN6_SIZE, 'WGPEER_A_ENDPOINT', true);
  const endpoint: wg.WireGuardEndpoint = { address: formatAddress(bytes, start + 8, 16), port };
  const [flowInfo, scopeId] = [readU32(bytes, start + 4, false), readU32(bytes, start + 24, little)];
  if (flowInfo !== 0) {
    endpoint.flowInfo = flowInfo;
  }
  if (scopeId !== 0) {
    endpoint.scopeId = scopeId;
  }
  return endpoint;
}

/** struct __kernel_timespec: zeros before the first handshake. */
function readHandshake(reader: AttributeReader, peer: wg.WireGuardPeer): void {
  reader.size(16, 'WGPEER_A_LAST_HANDSHAKE_TIME');
  const little = reader.order === 'little';
  const seconds = Number(readU64(reader.bytes, reader.start, little));
  const nanoseconds = Number(readU64(reader.bytes, reader.start + 8, little));
  if (seconds !== 0 || nanoseconds !== 0) {
    peer.lastHandshake = new Date(seconds * 1000 + Math.floor(nanoseconds / 1_000_000));
  }
}

function readAllowedIps(list: AttributeReader, into: string[]): void {
  while (list.next()) {
    const reader = list.attributes('WGPEER_A_ALLOWEDIPS');
    let address = '';
    let length = 0;
    while (reader.next()) {
      if (reader.type === wg.WGALLOWEDIP_A_IPADDR) {
        address = reader.address('WGALLOWEDIP_A_IPADDR');
      } else if (reader.type === wg.WGALLOWEDIP_A_CIDR_MASK) {
        length = reader.u8('WGALLOWEDIP_A_CIDR_MASK');
      }
    }
    into.push(`${address}/${length}`);
  }
}
