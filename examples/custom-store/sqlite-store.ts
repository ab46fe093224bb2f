/**
 * Reservations in a SQLite database: a store that uses neither memory nor files.
 *
 * The database solves the two hard problems: `BEGIN IMMEDIATE` is a lock across processes that waits at
 * most `timeout` milliseconds, and a primary key prevents duplicate addresses even when a process is killed.
 *
 * @module
 */
import { DatabaseSync } from 'node:sqlite';
import type { Reservation, Store } from '@cnikit/ipam';

export function sqliteStore(file: string): Store {
  const db = new DatabaseSync(file, { timeout: 30_000 });
  db.exec(`CREATE TABLE IF NOT EXISTS reserved (address TEXT PRIMARY KEY, id TEXT, ifName TEXT, pod TEXT, since REAL);
           CREATE TABLE IF NOT EXISTS last (rangeSet INTEGER PRIMARY KEY, address TEXT);`);
  const insert = db.prepare('INSERT OR IGNORE INTO reserved VALUES (?, ?, ?, ?, ?)');
  const setLast = db.prepare('INSERT OR REPLACE INTO last VALUES (?, ?)');
  const getLast = db.prepare('SELECT address FROM last WHERE rangeSet = ?');
  const remove = db.prepare('DELETE FROM reserved WHERE address = ? AND id = ? AND ifName = ?');
  const mine = db.prepare('SELECT address FROM reserved WHERE id = ? AND ifName = ?');
  const all = db.prepare('SELECT address, id AS containerID, ifName, pod, since FROM reserved');
  const rows = () => all.all() as unknown as (Reservation & { pod: string | null })[];
  return {
    lock(body) {
      db.exec('BEGIN IMMEDIATE');
      try {
        return body();
      } finally {
        db.exec('COMMIT'); // A failed body has undone its changes.
      }
    },
    reserve(address, { containerID, ifName, pod }, rangeSet) {
      if (insert.run(address, containerID, ifName, pod ?? null, Date.now()).changes === 0) {
        return false;
      }
      return setLast.run(rangeSet, address).changes === 1;
    },
    release: (address, { containerID, ifName }) => remove.run(address, containerID, ifName).changes === 1,
    find: ({ containerID, ifName }) => mine.all(containerID, ifName).map((row) => row.address as string),
    last: (rangeSet) => getLast.get(rangeSet)?.address as string | undefined,
    taken: () => new Set(rows().map(({ address }) => address)),
    list: () => ({ reservations: rows().map(({ pod, ...r }) => (pod ? { ...r, pod } : r)), problems: [] }),
  };
}
