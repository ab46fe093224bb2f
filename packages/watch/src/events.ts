import { errorFromEvent, WatchError } from './errors.ts';
import { FieldReader, type Fields } from './fields.ts';
import {
  asProtocolError,
  fromFields,
  fromObject,
  IDENTITY,
  type IncomingObject,
  MORE_MARKS,
  parseJson,
} from './incoming-object.ts';
import { skipSpace } from './json-bytes.ts';

/** One event of a watch. */
export type WatchEvent =
  | ({ type: ChangeType } & IncomingObject)
  | { type: 'BOOKMARK'; resourceVersion: string }
  | { type: 'ERROR'; error: WatchError };

export type ChangeType = 'ADDED' | 'MODIFIED' | 'DELETED';

/**
 * Parses one line or frame; undefined for an empty line.
 *
 * @throws {WatchError} PROTOCOL when it is not a watch event
 */
export type ReadEvent = (bytes: Buffer) => WatchEvent | undefined;

const TYPE = MORE_MARKS;
const WHAT = 'an event';

export function eventReader(fields: Fields | undefined): ReadEvent {
  const read = fields === undefined ? readWhole : readFields(fields);
  return (line) => (skipSpace(line, 0) === line.length ? undefined : read(line));
}

function readFields(fields: Fields): (line: Buffer) => WatchEvent {
  const reader = new FieldReader({ object: fields }, { type: TYPE, object: IDENTITY }, 'object');
  return (line) => {
    asProtocolError(WHAT, 'JSON', () => reader.read(line));
    const type = reader.text(TYPE);
    // Bookmarks and errors are rare and do not have the requested fields.
    return isChange(type) ? changed(type, fromFields(reader)) : readWhole(line);
  };
}

function readWhole(line: Buffer): WatchEvent {
  const event = parseJson(line, WHAT) as { type?: unknown; object?: unknown } | null;
  const object = event?.object;
  const type = event?.type;
  if (isChange(type)) {
    return changed(type, fromObject(object));
  }
  if (type === 'ERROR') {
    return { type, error: errorFromEvent(object) };
  }
  if (type !== 'BOOKMARK') {
    throw new WatchError('PROTOCOL', `The API server sent an event of type ${JSON.stringify(type)}`);
  }
  const metadata = (object as { metadata?: { resourceVersion?: unknown } } | null | undefined)?.metadata;
  if (typeof metadata?.resourceVersion !== 'string') {
    throw new WatchError('PROTOCOL', 'The API server sent a bookmark without resourceVersion');
  }
  return { type, resourceVersion: metadata.resourceVersion };
}

/** True for events about an object. */
export function isChange(type: unknown): type is ChangeType {
  return type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED';
}

/** @throws {WatchError} PROTOCOL when there is no object */
function changed(type: ChangeType, incoming: IncomingObject | undefined): WatchEvent {
  if (incoming !== undefined) {
    return { type, ...incoming };
  }
  throw new WatchError('PROTOCOL', `The API server sent ${type} without name or version`);
}
