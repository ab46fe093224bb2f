/** Kubernetes' envelope of protobuf objects: a magic number and a `runtime.Unknown`. */
import type { Message } from './message.ts';
import { MessageReader } from './reader.ts';
import { find, ProtobufError, type Range } from './wire.ts';

/** `k8s` and a zero byte. */
export const MAGIC = Buffer.from('k8s\0');

/** Numbers of `runtime.Unknown`. */
export const UNKNOWN = { raw: 2, contentEncoding: 3 } as const;

/** The fields of `meta.v1.Status` that WatchError reports. */
const STATUS: Message = {
  message: [3, 'string'],
  details: [5, { causes: [4, { reason: [1, 'string'] }, 'repeated'], retryAfterSeconds: [5, 'int'] }],
  code: [6, 'int'],
};

/**
 * Returns the range of the object in an envelope.
 *
 * @throws {ProtobufError} when there is none
 */
export function unwrap(bytes: Buffer, { from, to }: Range): Range {
  const start = from + MAGIC.length;
  if (start > to || !bytes.subarray(from, start).equals(MAGIC)) {
    throw new ProtobufError('No magic number', from);
  }
  const unknown = { from: start, to };
  const encoding = find(bytes, unknown, UNKNOWN.contentEncoding);
  if (encoding !== undefined && encoding.from < encoding.to) {
    throw new ProtobufError('Unknown content encoding', encoding.from);
  }
  // Go leaves out an empty object.
  return find(bytes, unknown, UNKNOWN.raw) ?? { from: to, to };
}

/**
 * Decodes a `meta.v1.Status` without its envelope.
 *
 * @throws {ProtobufError} when it is malformed
 */
export function readStatus(bytes: Buffer, { from, to }: Range): unknown {
  const reader = new MessageReader(STATUS);
  reader.read(bytes, from, to);
  return reader.value();
}
