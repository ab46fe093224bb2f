import { IDENTITY as MARKED, MORE_MARKS } from '../incoming-object.ts';
import type { Marked } from './message.ts';

/** Marks of the fields that are read from every object, and their count. */
export const MARKS = { ...MARKED.metadata, count: MORE_MARKS } as const;

/** These fields of an object, with their numbers in `meta.v1.ObjectMeta`. */
export const IDENTITY: Marked = {
  metadata: [
    1,
    {
      name: [1, MARKS.name],
      namespace: [3, MARKS.namespace],
      uid: [5, MARKS.uid],
      resourceVersion: [6, MARKS.resourceVersion],
    },
  ],
};
