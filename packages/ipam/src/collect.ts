import { checkKeys } from '#check-keys';
import { IpamError } from './errors.ts';
import type { Owner, Problem, Reservation, Store } from './store.ts';

/** Options of garbage collection. */
export interface GcOptions {
  /**
   * Keep reservations made at or after this time, in milliseconds since 1970: `valid` may be older than their
   * ADD.
   *
   * @default keep none
   */
  before?: number | undefined;
}

/** Result of garbage collection. */
export interface GcResult {
  /** Freed reservations. */
  freed: Reservation[];
  /** Stale reservations that could not be freed. The next garbage collection retries. */
  failed: Problem[];
  /** Entries that are not reservations and need an operator. */
  problems: Problem[];
}

/**
 * Selects the reservations whose attachment is not in `valid`. A reservation without interface name is kept
 * while its container has any valid attachment.
 *
 * @throws {IpamError} `OWNER` when a valid attachment is not `{ containerID, ifName }`, because nothing would match it
 */
export function selectStale(
  reservations: readonly Reservation[],
  valid: readonly Owner[],
  options: GcOptions = {},
): Reservation[] {
  checkKeys<keyof GcOptions>('options', options, { before: true });
  const { before } = options;
  for (const owner of valid) {
    if (typeof owner?.containerID !== 'string' || typeof owner.ifName !== 'string') {
      throw new IpamError(
        'OWNER',
        `Invalid attachment ${JSON.stringify(owner)}: expected { containerID, ifName }`,
      );
    }
  }
  const attachments = new Set(valid.map(({ containerID, ifName }) => `${containerID}/${ifName}`));
  const containers = new Set(valid.map(({ containerID }) => containerID));
  return reservations.filter(
    ({ containerID, ifName, since }) =>
      !(ifName === '' ? containers.has(containerID) : attachments.has(`${containerID}/${ifName}`)) &&
      !(before !== undefined && since !== undefined && since >= before),
  );
}

/** Frees the reservations that `selectStale()` selects. Continues after a failure. */
export function collect(store: Store, valid: readonly Owner[], options?: GcOptions): GcResult {
  const { reservations, problems } = store.list();
  const stale = selectStale(reservations, valid, options);
  const freed: Reservation[] = [];
  const failed: Problem[] = [];
  const recordFailure = (name: string, body: () => void) => {
    try {
      body();
    } catch (error) {
      failed.push({ name, message: (error as Error).message });
    }
  };
  // An address may change its owner between list() and lock(); release() then refuses.
  store.lock(() => {
    for (const reservation of stale) {
      recordFailure(reservation.address, () => {
        if (store.release(reservation.address, reservation)) {
          freed.push(reservation);
        }
      });
    }
    recordFailure('', () => store.tidy?.());
  });
  return { freed, failed, problems };
}
