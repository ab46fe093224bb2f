/** Objects as they arrive from the API server, whole or reduced to the requested fields. */
import { WatchError } from './errors.ts';
import { FieldReader, type Fields } from './fields.ts';
import type { KubeObject } from './types.ts';

/** Identity and version of an object. */
export interface Version {
  uid: string;
  resourceVersion: string;
  /** Equal for equal requested fields; undefined when the whole object is requested. */
  digest: string | undefined;
}

/** An object received but possibly not parsed yet. */
export interface IncomingObject extends Version {
  /** `namespace/name` for namespaced objects. */
  name: string;
  /** Parses the object; valid until the next object is read. */
  object(): unknown;
}

/** Fields read from every object in addition to the requested ones. */
export const IDENTITY = { metadata: { name: 0, namespace: 1, uid: 2, resourceVersion: 3 } } as const;
/** The first unused mark. */
export const MORE_MARKS = 4;

/** Wraps a parsed object; undefined if it is not a Kubernetes object. */
export function fromObject(object: unknown): IncomingObject | undefined {
  const metadata = (object as Partial<KubeObject> | null | undefined)?.metadata;
  if (typeof metadata?.name !== 'string' || typeof metadata.resourceVersion !== 'string') {
    return undefined;
  }
  return {
    name: fullName(typeof metadata.namespace === 'string' ? metadata.namespace : undefined, metadata.name),
    uid: typeof metadata.uid === 'string' ? metadata.uid : '',
    resourceVersion: metadata.resourceVersion,
    digest: undefined,
    object: () => object,
  };
}

/** An object reduced to requested fields and the marks of IDENTITY. */
export interface ReadObject {
  /** A marked value if it is a string. */
  text(mark: number): string | undefined;
  /** SHA-256 of the requested fields. */
  digest(): string;
  /** The requested fields. */
  value(): unknown;
}

/**
 * Wraps an object that was read with the marks of IDENTITY; undefined if it is not a Kubernetes object. Its `object()`
 * throws a WatchError PROTOCOL when the requested fields cannot be decoded.
 */
export function fromFields(
  reader: ReadObject,
  format: 'JSON' | 'protobuf' = 'JSON',
): IncomingObject | undefined {
  const { name, namespace, uid, resourceVersion } = IDENTITY.metadata;
  const [own, version] = [reader.text(name), reader.text(resourceVersion)];
  if (own === undefined || version === undefined) {
    return undefined;
  }
  return {
    name: fullName(reader.text(namespace), own),
    uid: reader.text(uid) ?? '',
    resourceVersion: version,
    digest: reader.digest(),
    object: () => asProtocolError('an object', format, () => reader.value()),
  };
}

/**
 * Returns a parser for list items.
 *
 * @throws {WatchError} PROTOCOL, from the parser, when the bytes are not JSON or not a Kubernetes object
 */
export function itemReader(fields: Fields | undefined): (bytes: Buffer) => IncomingObject {
  let read = (bytes: Buffer): IncomingObject | undefined => fromObject(parseJson(bytes, 'a list'));
  if (fields !== undefined) {
    const reader = new FieldReader(fields, IDENTITY);
    read = (bytes) => {
      asProtocolError('a list', 'JSON', () => reader.read(bytes));
      return fromFields(reader);
    };
  }
  return (bytes) => {
    const incoming = read(bytes);
    if (incoming !== undefined) {
      return incoming;
    }
    throw new WatchError('PROTOCOL', 'The API server listed an object without name or version');
  };
}

/**
 * Parses JSON.
 *
 * @param what names the input in the error, such as `a list`
 * @throws {WatchError} PROTOCOL when the bytes are not JSON
 */
export function parseJson(bytes: Buffer, what: string): unknown {
  return asProtocolError(what, 'JSON', () => JSON.parse(bytes.toString('utf8')));
}

/** Runs a parser and turns what it throws into a WatchError PROTOCOL. */
export function asProtocolError<T>(what: string, format: 'JSON' | 'protobuf', read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof WatchError) {
      throw cause;
    }
    throw new WatchError('PROTOCOL', `The API server sent ${what} that is not ${format}`, { cause });
  }
}

function fullName(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
