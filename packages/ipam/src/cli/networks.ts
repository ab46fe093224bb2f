import type { Sys } from '@cnikit/sys';
import { ignoreErrno } from '@cnikit/sys';
import { LOCK_NAME } from '../file/format.ts';
import { listDir } from '../file/list-dir.ts';
import { fileStore } from '../file-store.ts';
import type { Problem, Reservation, Store } from '../store.ts';

/** A network found on this host. */
export interface Network {
  name: string;
  dir: string;
  store: Store;
}

/** A reservation with its network. */
export interface Located extends Reservation {
  network: string;
  dir: string;
}

/** Returns the networks below data directories, or the one named `only`: subdirectories with a lock file. */
export function networksIn(sys: Sys, dataDirs: readonly string[], only: string | undefined): Network[] {
  return dataDirs.flatMap((dataDir) =>
    listDir(sys, dataDir)
      .filter((name) => !name.startsWith('.') && (only === undefined || name === only))
      .filter((name) => ignoreErrno(['ENOENT', 'ENOTDIR'], () => sys.stat(`${dataDir}/${name}/${LOCK_NAME}`)))
      .sort()
      .map((name) => {
        const dir = `${dataDir}/${name}`;
        return { name, dir, store: fileStore({ sys, dir }) };
      }),
  );
}

/** Returns the contents of several networks. */
export function listAll(networks: readonly Network[]): { reservations: Located[]; problems: Problem[] } {
  const listings = networks.map(({ name, dir, store }) => ({ name, dir, ...store.list() }));
  return {
    reservations: listings.flatMap(({ name, dir, reservations }) =>
      reservations.map((r) => ({ network: name, dir, ...r })),
    ),
    problems: listings.flatMap(({ problems }) => problems),
  };
}
