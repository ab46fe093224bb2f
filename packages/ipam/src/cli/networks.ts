import type { Sys } from '@cnikit/sys';
import { LOCK_NAME } from '../file/format.ts';
import { listDir, tolerate } from '../file/quiet.ts';
import { fileStore } from '../file-store.ts';
import type { Problem, Reservation, Store } from '../store.ts';

/** A network found on this host. */
export interface Network {
  name: string;
  dir: string;
  store: Store;
}

/** A reservation, and where it is. */
export interface Located extends Reservation {
  network: string;
  dir: string;
}

/** The networks below data directories: sub-directories that have a lock file, or the one asked for. */
export function networksIn(sys: Sys, dataDirs: readonly string[], only: string | undefined): Network[] {
  return dataDirs.flatMap((dataDir) =>
    listDir(sys, dataDir)
      .filter((name) => !name.startsWith('.') && (only === undefined || name === only))
      .filter((name) => tolerate(['ENOENT', 'ENOTDIR'], () => sys.stat(`${dataDir}/${name}/${LOCK_NAME}`)))
      .sort()
      .map((name) => {
        const dir = `${dataDir}/${name}`;
        return { name, dir, store: fileStore({ sys, dir }) };
      }),
  );
}

/** Everything in some networks. */
export function listAll(networks: readonly Network[]): { reservations: Located[]; problems: Problem[] } {
  const listings = networks.map(({ name, dir, store }) => ({ name, dir, ...store.list() }));
  return {
    reservations: listings.flatMap(({ name, dir, reservations }) =>
      reservations.map((r) => ({ network: name, dir, ...r })),
    ),
    problems: listings.flatMap(({ problems }) => problems),
  };
}
