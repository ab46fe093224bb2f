import type { Owner } from '../store.ts';

/** State while the lock is held. */
export interface Session {
  /** The fingerprint that the index is sealed for, or INCOMPLETE; `undefined` when it cannot be sealed. */
  sealed: string | undefined;
  /** True while there are reservations without interface name, which have another key. */
  unnamed: boolean;
  /** Addresses in use without reservation, if any. */
  blocked: ReadonlySet<string> | undefined;
  /** True after `inUse()` was called. */
  looked: boolean;
  /** The address last reserved in each range set, as far as read. */
  lasts: (string | undefined)[];
  /** True after a change. */
  changed: boolean;
  /** Changes that have not succeeded. After a failure only a scan finds what it left. */
  unfinished: number;
  /** Owners read so far, if any. They cannot change under the lock. */
  owners: Map<string, Owner> | undefined;
}
