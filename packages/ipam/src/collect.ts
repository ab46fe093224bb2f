import type { Owner, Problem, Reservation, Store } from './store.ts';

/** What garbage collection may be told. */
export interface GcOptions {
  /** Keeps reservations made at or after this time (milliseconds since 1970): those of an ADD that `valid` is too old to know. */
  before?: number;
}

/** What garbage collection did. */
export interface GcResult {
  /** Freed. */
  freed: Reservation[];
  /** Should be freed and could not be: the next garbage collection tries again. */
  failed: Problem[];
  /** Is no reservation: for a person to look at. */
  problems: Problem[];
}

/**
 * The reservations whose attachment is not in `valid`. One that notes a container alone is kept when
 * the container has any valid attachment.
 */
export function selectStale(
  reservations: readonly Reservation[],
  valid: readonly Owner[],
  { before }: GcOptions = {},
): Reservation[] {
  const attachments = new Set(valid.map(({ containerID, ifName }) => `${containerID}/${ifName}`));
  const containers = new Set(valid.map(({ containerID }) => containerID));
  return reservations.filter(
    ({ containerID, ifName, since }) =>
      !(ifName === '' ? containers.has(containerID) : attachments.has(`${containerID}/${ifName}`)) &&
      !(before !== undefined && since !== undefined && since >= before),
  );
}

/** Frees what `selectStale` selects. Goes on after a failure. */
export function collect(store: Store, valid: readonly Owner[], options?: GcOptions): GcResult {
  const { reservations, problems } = store.list();
  const stale = selectStale(reservations, valid, options);
  const freed: Reservation[] = [];
  const failed: Problem[] = [];
  const attempt = (name: string, body: () => void) => {
    try {
      body();
    } catch (error) {
      failed.push({ name, message: (error as Error).message });
    }
  };
  // Between list and lock an address may change hands; release() frees it only while its owner is the same.
  store.lock(() => {
    for (const reservation of stale) {
      attempt(reservation.address, () => {
        if (store.release(reservation.address, reservation)) {
          freed.push(reservation);
        }
      });
    }
    attempt('', () => store.tidy?.());
  });
  return { freed, failed, problems };
}
