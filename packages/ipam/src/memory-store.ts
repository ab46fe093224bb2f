import { checkKeys } from '#check-keys';
import type { Owner, Reservation, Store } from './store.ts';

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions {
  /**
   * Clock for `Reservation.since`, in milliseconds since 1970.
   *
   * @default reservations have no time
   */
  now?: () => number;
}

/** Creates a store in memory, for tests and simulations. `lock()` only runs its body. */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  checkKeys<keyof MemoryStoreOptions>('options', options, { now: true });
  const { now } = options;
  const held = new Map<string, Reservation>();
  const byContainer = new Map<string, Set<string>>();
  const lasts: (string | undefined)[] = [];

  function holds(address: string, { containerID, ifName }: Owner): boolean {
    const found = held.get(address);
    return found?.containerID === containerID && (found.ifName === ifName || found.ifName === '');
  }

  return {
    lock: (body) => body(),
    reserve(address, { containerID, ifName, pod }, rangeSet) {
      if (held.has(address)) {
        return false;
      }
      held.set(address, {
        address,
        containerID,
        ifName,
        since: now?.(),
        pod: pod || undefined,
      });
      byContainer.set(containerID, (byContainer.get(containerID) ?? new Set()).add(address));
      lasts[rangeSet] = address;
      return true;
    },
    release(address, owner) {
      if (!holds(address, owner)) {
        return false;
      }
      held.delete(address);
      const addresses = byContainer.get(owner.containerID);
      addresses?.delete(address);
      if (addresses?.size === 0) {
        byContainer.delete(owner.containerID);
      }
      return true;
    },
    find: (owner) => [...(byContainer.get(owner.containerID) ?? [])].filter((a) => holds(a, owner)),
    last: (rangeSet) => lasts[rangeSet],
    taken: () => new Set(held.keys()),
    list: () => ({ reservations: [...held.values()], problems: [] }),
  };
}
