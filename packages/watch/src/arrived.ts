/** Objects as they arrive, whole or in the fields that are wanted. */
import { WatchError } from './errors.ts';
import { FieldReader, type Fields } from './fields.ts';
import type { KubeObject } from './types.ts';

/** What has to be known of an object to follow it. */
export interface Version {
  uid: string;
  resourceVersion: string;
  /** The same for the same wanted fields; undefined where the whole object is wanted. */
  digest: string | undefined;
}

/** An object that came, of which nothing may have been made yet. */
export interface Arrived extends Version {
  /** `namespace/name` where it has a namespace. */
  name: string;
  /** Good until the next object is read. */
  object(): unknown;
}

/** What is read of each object, whatever else is wanted. */
export const IDENTITY = { metadata: { name: 0, namespace: 1, uid: 2, resourceVersion: 3 } } as const;
/** The first mark that is free. */
export const MORE_MARKS = 4;

/** Undefined for what is no Kubernetes object. */
export function fromObject(object: unknown): Arrived | undefined {
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

/** The same of an object that was read with the marks of IDENTITY. */
export function fromFields(reader: FieldReader): Arrived | undefined {
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
    object: () => reader.value(),
  };
}

/** Gives what is an item of a list. Throws PROTOCOL for what is no JSON, or no Kubernetes object. */
export function itemReader(fields: Fields | undefined): (bytes: Buffer) => Arrived {
  let read = (bytes: Buffer): Arrived | undefined => fromObject(parseJson(bytes, 'a list'));
  if (fields !== undefined) {
    const reader = new FieldReader(fields, IDENTITY);
    read = (bytes) => {
      judged('a list', () => reader.read(bytes));
      return fromFields(reader);
    };
  }
  return (bytes) => {
    const arrived = read(bytes);
    if (arrived !== undefined) {
      return arrived;
    }
    throw new WatchError('PROTOCOL', 'The API server listed an object without name or version');
  };
}

/** `what` is what it would be: `a list`. Throws PROTOCOL. */
export function parseJson(bytes: Buffer, what: string): unknown {
  return judged(what, () => JSON.parse(bytes.toString('utf8')));
}

/** What reads JSON and throws SyntaxError, as PROTOCOL. */
export function judged<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new WatchError('PROTOCOL', `The API server sent ${what} that is not JSON`, { cause });
  }
}

function fullName(namespace: string | undefined, name: string): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}
