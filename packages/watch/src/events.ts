import { errorFromEvent, WatchError } from './errors.ts';
import { identify } from './known.ts';
import { omitKeys } from './omit.ts';

/** One line of a watch. */
export type WatchEvent =
  | {
      type: 'ADDED' | 'MODIFIED' | 'DELETED';
      name: string;
      uid: string;
      resourceVersion: string;
      object: unknown;
    }
  | { type: 'BOOKMARK'; resourceVersion: string }
  | { type: 'ERROR'; error: WatchError };

/** Parses a line, but for the values of these keys; undefined for an empty one. Throws PROTOCOL for what is no event. */
export function parseEvent(line: string, omit: readonly string[] = []): WatchEvent | undefined {
  if (line.trim() === '') return undefined;
  let event: { type?: unknown; object?: unknown } | null;
  try {
    event = JSON.parse(omitKeys(line, omit));
  } catch (cause) {
    throw new WatchError('PROTOCOL', 'The API server sent an event that is not JSON', { cause });
  }
  const object = event?.object;
  switch (event?.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED': {
      const id = identify(object);
      if (id === undefined)
        throw new WatchError('PROTOCOL', `The API server sent ${event.type} without name or version`);
      return { type: event.type, ...id, object };
    }
    case 'BOOKMARK': {
      const metadata = (object as { metadata?: { resourceVersion?: unknown } } | null | undefined)?.metadata;
      if (typeof metadata?.resourceVersion !== 'string') {
        throw new WatchError('PROTOCOL', 'The API server sent a bookmark without resourceVersion');
      }
      return { type: 'BOOKMARK', resourceVersion: metadata.resourceVersion };
    }
    case 'ERROR':
      return { type: 'ERROR', error: errorFromEvent(object) };
    default:
      throw new WatchError('PROTOCOL', `The API server sent an event of type ${JSON.stringify(event?.type)}`);
  }
}
