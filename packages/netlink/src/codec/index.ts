/**
 * Encoding and decoding of netlink messages. Pure, for any JavaScript engine.
 *
 * ```ts
 * import { Encoder, encodeMessage, MessageReader, attributesAfter } from '@cnikit/netlink/codec';
 *
 * const body = new Encoder().putZeros(16).u32(4, 1500).string(3, 'eth0').finish();
 * const message = new MessageReader(encodeMessage({ type: 16, flags: 5, sequence: 1, port: 0 }, body));
 * while (message.next()) {
 *   const attributes = attributesAfter(message, 16, 'ifinfomsg');
 *   while (attributes.next()) {
 *     if (attributes.type === 3) console.log(attributes.string()); // eth0
 *   }
 * }
 * ```
 *
 * @module
 */
export * from './ack.ts';
export { type ByteOrder, type Payload, payloadOf } from './bytes.ts';
export {
  Encoder,
  NLA_F_NESTED,
  NLA_F_NET_BYTEORDER,
  NLA_HDRLEN,
  NLMSG_HDRLEN,
} from './encoder.ts';
export {
  type DecodeErrorCode,
  type EncodeErrorCode,
  NetlinkDecodeError,
  NetlinkEncodeError,
} from './errors.ts';
export { NLA_TYPE_MASK } from './field-writer.ts';
export { formatMac, macBytes } from './mac.ts';
export { attributesAfter, encodeMessage, type MessageHeader, MessageReader } from './message.ts';
export { type Named, type Names, nameOf, numberOf } from './names.ts';
export { AttributeReader, type UnknownAttribute } from './reader.ts';
export type { Request } from './request.ts';
export {
  type Decoded,
  type Field,
  readFields,
  type Table,
  type Values,
  type Wire,
  writeFields,
} from './table.ts';
