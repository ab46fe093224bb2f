import { errorFromEvent } from '../errors.ts';
import { isChange, type ReadEvent } from '../events.ts';
import { asProtocolError, fromFields } from '../incoming-object.ts';
import { readStatus, unwrap } from './envelope.ts';
import { IDENTITY, MARKS } from './identity.ts';
import type { Message } from './message.ts';
import { MessageReader } from './reader.ts';
import { find, ProtobufError, type Range, unusable } from './wire.ts';

/** Numbers of `meta.v1.WatchEvent` and of `runtime.RawExtension`, its object. */
const EVENT = { type: 1, object: 2 } as const;
const RAW = 1;

/** Returns a parser for the frames of a watch. */
export function protobufEventReader(message: Message): ReadEvent {
  const reader = new MessageReader(message, IDENTITY, MARKS.count);
  return (frame) => {
    const { type, object } = asProtocolError('an event', 'protobuf', () => split(frame));
    if (type === 'ERROR') {
      return {
        type,
        error: errorFromEvent(asProtocolError('an event', 'protobuf', () => readStatus(frame, object))),
      };
    }
    asProtocolError('an event', 'protobuf', () => reader.read(frame, object.from, object.to));
    if (isChange(type)) {
      const incoming = fromFields(reader, 'protobuf');
      if (incoming === undefined) {
        throw unusable(`The API server sent ${type} without name or version`);
      }
      return { type, ...incoming };
    }
    if (type !== 'BOOKMARK') {
      throw unusable(`The API server sent an event of type ${JSON.stringify(type)}`);
    }
    const resourceVersion = reader.text(MARKS.resourceVersion);
    if (resourceVersion === undefined) {
      throw unusable('The API server sent a bookmark without resourceVersion');
    }
    return { type, resourceVersion };
  };
}

function split(frame: Buffer): { type: string; object: Range } {
  const all = { from: 0, to: frame.length };
  const type = find(frame, all, EVENT.type);
  const extension = find(frame, all, EVENT.object);
  const object = extension && find(frame, extension, RAW);
  if (type === undefined || object === undefined) {
    throw new ProtobufError('An event without type or object', 0);
  }
  return { type: frame.toString('latin1', type.from, type.to), object: unwrap(frame, object) };
}
