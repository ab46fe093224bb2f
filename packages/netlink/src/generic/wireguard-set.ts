/** WG_CMD_SET_DEVICE: changes of a device, in as many messages as they need. */

import { parsePrefix } from '@cnikit/ip';
import { checkSpec } from '#check-spec';
import { fromBase64 } from '../codec/base64.ts';
import type { ByteOrder } from '../codec/bytes.ts';
import { type Encoder, NLA_F_NESTED } from '../codec/encoder.ts';
import { NetlinkEncodeError } from '../codec/errors.ts';
import { type Request, requestEncoder } from '../codec/request.ts';
import { refuseUnknown, writeFields } from '../codec/table.ts';
import * as wg from './wireguard-types.ts';

/** A message ends when it exceeds this size. */
const MAX_BODY = 16 * 1024;
const IFNAMSIZ = 16;

/** WG_CMD_GET_DEVICE, `wg show`. Merge the decoded answers with {@link mergeDevice}. */
export function getDevice(
  ref: { index?: number; name?: string },
  family: number,
  order: ByteOrder = 'little',
): Request {
  const encoder = header(wg.WG_CMD_GET_DEVICE, ref, order);
  return {
    type: family,
    flags: 0,
    payload: encoder.finish(),
    describe: `get WireGuard device ${refText(ref)}`,
  };
}

/**
 * WG_CMD_SET_DEVICE, `wg set`. Send the requests in order, and stop at the first that the kernel refuses. Settings of the
 * device are in the first message; later ones add what did not fit.
 *
 * @param family `GenericFamily.id` of `wireguard`
 * @throws {NetlinkEncodeError} when a value is invalid; the message has no keys
 */
export function setDevice(
  spec: wg.WireGuardDeviceSpec,
  family: number,
  order: ByteOrder = 'little',
): Request[] {
  checkSpec('WireGuard device', spec, wg.deviceTable);
  const { replacePeers = false, peers = [] } = spec;
  refuseUnknown('WireGuard device', spec.unknown);
  const payloads: Uint8Array[] = [];
  const encoder = header(wg.WG_CMD_SET_DEVICE, spec, order);
  if (replacePeers) {
    encoder.u32(wg.WGDEVICE_A_FLAGS, wg.WGDEVICE_F_REPLACE_PEERS);
  }
  if (spec.privateKey !== undefined) {
    encoder.raw(wg.WGDEVICE_A_PRIVATE_KEY, keyBytes(spec.privateKey, 'privateKey'));
  }
  writeFields(encoder, wg.deviceTable, spec);
  if (!Array.isArray(peers)) {
    throw new NetlinkEncodeError('BAD_REQUEST', 'peers is not an array');
  }
  let list = peers.length === 0 ? undefined : encoder.nest(wg.WGDEVICE_A_PEERS | NLA_F_NESTED);
  const nextMessage = (): void => {
    payloads.push(encoder.end(list!).finish());
    // The same encoder, reset.
    list = header(wg.WG_CMD_SET_DEVICE, spec, order).nest(wg.WGDEVICE_A_PEERS | NLA_F_NESTED);
  };
  peers.forEach((peer, at) => {
    if (at > 0 && encoder.length > MAX_BODY) {
      nextMessage();
    }
    writePeer(encoder, peer, `peers[${at}]`, nextMessage);
  });
  payloads.push((list === undefined ? encoder : encoder.end(list)).finish());
  const describe = `set WireGuard device ${refText(spec)}`;
  return payloads.map((payload) => ({ type: family, flags: 0, payload, describe }));
}

/** Writes a peer, in several messages when it has many allowed IPs. */
function writePeer(
  encoder: Encoder,
  peer: wg.WireGuardPeerSpec,
  what: string,
  nextMessage: () => void,
): void {
  checkSpec('WireGuard peer', peer, wg.peerTable, wg.peerStateTable);
  refuseUnknown(what, peer.unknown);
  const { remove = false, replaceAllowedIps = false, updateOnly = false, allowedIps } = peer;
  const key = keyBytes(peer.publicKey, `${what}.publicKey`);
  const flags =
    (remove ? wg.WGPEER_F_REMOVE_ME : 0) |
    (replaceAllowedIps ? wg.WGPEER_F_REPLACE_ALLOWEDIPS : 0) |
    (updateOnly ? wg.WGPEER_F_UPDATE_ONLY : 0);
  let nest = beginPeer(encoder, key, flags);
  if (peer.presharedKey !== undefined) {
    encoder.raw(wg.WGPEER_A_PRESHARED_KEY, keyBytes(peer.presharedKey, `${what}.presharedKey`));
  }
  if (peer.endpoint !== undefined) {
    writeEndpoint(encoder, peer.endpoint, `${what}.endpoint`);
  }
  writeFields(encoder, wg.peerTable, peer);
  if (allowedIps !== undefined) {
    if (!Array.isArray(allowedIps)) {
      throw new NetlinkEncodeError('BAD_REQUEST', `${what}.allowedIps is not an array`);
    }
    let list = encoder.nest(wg.WGPEER_A_ALLOWEDIPS | NLA_F_NESTED);
    allowedIps.forEach((prefix: string, at: number) => {
      if (at > 0 && encoder.length > MAX_BODY) {
        encoder.end(list).end(nest);
        nextMessage();
        // Does not add the peer again when another process has removed it since.
        nest = beginPeer(encoder, key, wg.WGPEER_F_UPDATE_ONLY);
        list = encoder.nest(wg.WGPEER_A_ALLOWEDIPS | NLA_F_NESTED);
      }
      writeAllowedIp(encoder, prefix, `${what}.allowedIps[${at}]`);
    });
    encoder.end(list);
  }
  encoder.end(nest);
}

function beginPeer(encoder: Encoder, key: Uint8Array, flags: number): number {
  const nest = encoder.nest(NLA_F_NESTED);
  encoder.raw(wg.WGPEER_A_PUBLIC_KEY, key);
  if (flags !== 0) {
    encoder.u32(wg.WGPEER_A_FLAGS, flags);
  }
  return nest;
}

function writeAllowedIp(encoder: Encoder, text: string, what: string): void {
  const prefix = typeof text === 'string' ? parsePrefix(text, { leadingZeros: false }) : undefined;
  if (prefix === undefined) {
    throw new NetlinkEncodeError('BAD_ADDRESS', `${what} ${JSON.stringify(text)} is not a prefix`);
  }
  const nest = encoder.nest(NLA_F_NESTED);
  encoder.u16(wg.WGALLOWEDIP_A_FAMILY, prefix.address.length === 4 ? wg.AF_INET : wg.AF_INET6);
  encoder.raw(wg.WGALLOWEDIP_A_IPADDR, prefix.address).u8(wg.WGALLOWEDIP_A_CIDR_MASK, prefix.length);
  encoder.end(nest);
}

/** struct sockaddr_in or struct sockaddr_in6. */
function writeEndpoint(encoder: Encoder, endpoint: wg.WireGuardEndpoint, what: string): void {
  checkSpec('WireGuard endpoint', endpoint);
  const { address, port, scopeId = 0, flowInfo = 0 } = endpoint;
  if (!Number.isInteger(port) || port < 0 || port > 0xffff) {
    throw new NetlinkEncodeError(
      'BAD_VALUE',
      `${what}.port ${String(port)} is not a port: expected 0 to 65535`,
    );
  }
  const nest = encoder.nest(wg.WGPEER_A_ENDPOINT);
  const start = encoder.length;
  const ipv6 = String(address).includes(':');
  encoder.putU16(ipv6 ? wg.AF_INET6 : wg.AF_INET).putBe16(port);
  if (ipv6) {
    encoder.putBe32(flowInfo);
  }
  encoder.putAddress(String(address), `${what}.address`);
  if (ipv6) {
    encoder.putU32(scopeId, `${what}.scopeId`);
  } else if (scopeId !== 0 || flowInfo !== 0) {
    throw new NetlinkEncodeError('BAD_REQUEST', `${what} has a scopeId or flowInfo, which only IPv6 has`);
  }
  const size = ipv6 ? wg.SOCKADDR_IN6_SIZE : wg.SOCKADDR_IN_SIZE;
  encoder.putZeros(size - (encoder.length - start)).end(nest);
}

/** Returns the bytes of a key. The error does not contain the text, which may be a secret. */
function keyBytes(text: string, what: string): Uint8Array {
  const bytes = typeof text === 'string' ? fromBase64(text) : undefined;
  if (bytes?.length !== wg.WG_KEY_LEN) {
    throw new NetlinkEncodeError(
      'BAD_VALUE',
      `${what} is not a key: use 44 characters of base64, as \`wg genkey\` prints`,
    );
  }
  return bytes;
}

/** genlmsghdr, and the device. */
function header(
  command: number,
  { index, name }: { index?: number | undefined; name?: string | undefined },
  order: ByteOrder,
): Encoder {
  const encoder = requestEncoder(order).putU8(command).putU8(wg.WG_GENL_VERSION).putU16(0);
  if (index !== undefined && index > 0) {
    return encoder.u32(wg.WGDEVICE_A_IFINDEX, index, 'index');
  }
  if (index !== undefined || !name) {
    throw new NetlinkEncodeError('BAD_REQUEST', 'Identify a WireGuard device by name or by a positive index');
  }
  return encoder.string(wg.WGDEVICE_A_IFNAME, name, IFNAMSIZ);
}

const refText = ({ index, name }: { index?: number | undefined; name?: string | undefined }): string =>
  name ?? `#${index}`;
