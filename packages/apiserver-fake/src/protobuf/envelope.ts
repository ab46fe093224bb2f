/** Kubernetes' protobuf around objects: envelope, lists, events of a watch. */
import { apiVersionOf, type ResourceType } from '../resources.ts';
import type { Status } from '../status.ts';
import { bytes, encode } from './encode.ts';
import { LIST_META, MESSAGES, STATUS } from './messages.ts';

export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** Begins every object. */
const MAGIC = Buffer.from('k8s\0');

/** True when the client prefers protobuf (Accept header, RFC 9110 section 12.5.1) and the server has the resource in it. */
export function wantsProtobuf(accept: string | undefined, resource: ResourceType): boolean {
  if (!MESSAGES.has(resource.kind)) {
    return false;
  }
  for (const range of (accept ?? '').split(',')) {
    const type = range.split(';')[0]!.trim();
    if (type === PROTOBUF) {
      return true;
    }
    if (type === 'application/json' || type === 'application/*' || type === '*/*') {
      return false;
    }
  }
  return false;
}

/** Wraps a message in its `runtime.Unknown`. */
function envelope(apiVersion: string, kind: string, message: Buffer): Buffer {
  const type = encode({ apiVersion, kind }, { apiVersion: [1, 'string'], kind: [2, 'string'] });
  return Buffer.concat([
    MAGIC,
    bytes(1, type),
    bytes(2, message),
    bytes(3, Buffer.alloc(0)),
    bytes(4, Buffer.alloc(0)),
  ]);
}

/** Encodes an object of a kind that `wantsProtobuf()` accepts. */
export function encodeObject(resource: ResourceType, object: unknown): Buffer {
  return envelope(apiVersionOf(resource), resource.kind, encode(object, MESSAGES.get(resource.kind)!));
}

export function encodeStatus(status: Status): Buffer {
  return envelope('v1', 'Status', encode(status, STATUS));
}

/** Encodes a list from its metadata and the JSON of its items. */
export function encodeList(resource: ResourceType, metadata: unknown, items: readonly string[]): Buffer {
  const message = MESSAGES.get(resource.kind)!;
  const encoded = items.map((json) => bytes(2, encode(JSON.parse(json), message)));
  const list = Buffer.concat([bytes(1, encode(metadata, LIST_META)), ...encoded]);
  return envelope(apiVersionOf(resource), `${resource.kind}List`, list);
}

/** Encodes an event of a watch with its length before it. */
export function encodeEvent(type: string, object: Buffer): Buffer {
  const event = Buffer.concat([bytes(1, Buffer.from(type)), bytes(2, bytes(1, object))]);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(event.length);
  return Buffer.concat([head, event]);
}
