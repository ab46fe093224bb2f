/**
 * Tests that every store must pass, for any test runner.
 *
 * ```ts
 * import { memoryStore } from '@cnikit/ipam';
 * import { storeContract } from '@cnikit/ipam/testing';
 * import { test } from 'node:test';
 *
 * for (const { name, run } of storeContract(() => memoryStore())) test(name, run);
 * ```
 *
 * @module
 */
import { Ipam } from './ipam.ts';
import type { Owner, Store } from './store.ts';

/** A test case. */
export interface ContractCase {
  name: string;
  /** @throws {Error} when the store violates the contract */
  run: () => void;
}

/** Opens the same reservations again, as another process would. */
export type OpenStore = () => Store;

const POD_A: Owner = { containerID: 'pod-a', ifName: 'eth0' };
const POD_A_NET1: Owner = { containerID: 'pod-a', ifName: 'net1' };
const POD_B: Owner = { containerID: 'pod-b', ifName: 'eth0' };
const LONG: Owner = { containerID: 'x'.repeat(300), ifName: 'eth0' };
const LONG_TOO: Owner = { containerID: `${'x'.repeat(299)}y`, ifName: 'eth0' };

function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== e) {
    throw new Error(`${what}: expected ${e}, got ${a}`);
  }
}

function holders(store: Store): string[] {
  const { reservations } = store.list();
  return reservations.map((r) => `${r.address} ${r.containerID} ${r.ifName}`).sort();
}

type Body = (store: Store, reopen: OpenStore) => void;

/** In the recommended order for the author of a new store. */
const CASES: readonly (readonly [string, Body])[] = [
  [
    'lock() returns the result of its body',
    (store) => {
      equal(
        store.lock(() => 42),
        42,
        'result',
      );
    },
  ],
  [
    'lock() rethrows the error of its body and can be taken again',
    (store) => {
      const failure = new Error('from the body');
      let caught: unknown;
      try {
        store.lock(() => {
          throw failure;
        });
      } catch (error) {
        caught = error;
      }
      if (caught !== failure) {
        throw new Error(`lock: expected the error of the body, got ${caught}`);
      }
      equal(
        store.lock(() => 1),
        1,
        'second lock',
      );
    },
  ],
  [
    'list() of a new store is empty',
    (store) => {
      equal(store.list(), { reservations: [], problems: [] }, 'list');
      equal(
        store.lock(() => [store.find(POD_A), store.last(0) ?? null, store.release('10.0.0.2', POD_A)]),
        [[], null, false],
        'find, last, release',
      );
    },
  ],
  [
    'reserve() takes an address once, visible to other processes',
    (store, reopen) => {
      equal(
        store.lock(() => [store.reserve('10.0.0.2', POD_A, 0), store.reserve('10.0.0.2', POD_B, 0)]),
        [true, false],
        'reserve twice',
      );
      equal(holders(reopen()), ['10.0.0.2 pod-a eth0'], 'list');
      equal(reopen().taken().has('10.0.0.2'), true, 'taken');
    },
  ],
  [
    'reserve() returns false for the owner of the address too, and keeps the reservation',
    (store) => {
      store.lock(() => store.reserve('10.0.0.2', POD_A, 0));
      equal(
        store.lock(() => store.reserve('10.0.0.2', POD_A, 0)),
        false,
        'reserve again',
      );
      equal(
        store.lock(() => store.find(POD_A)),
        ['10.0.0.2'],
        'find',
      );
    },
  ],
  [
    'last() returns the last successful reservation of the range set',
    (store, reopen) => {
      store.lock(() => {
        store.reserve('10.0.0.2', POD_A, 0);
        store.reserve('fd00::2', POD_A, 1);
        store.reserve('10.0.0.3', POD_B, 0);
        store.reserve('fd00::2', POD_B, 1);
        store.release('10.0.0.3', POD_B);
      });
      const other = reopen();
      equal(
        other.lock(() => [other.last(0), other.last(1), other.last(2) ?? null]),
        ['10.0.0.3', 'fd00::2', null],
        'last',
      );
    },
  ],
  [
    'find() distinguishes owners by container and interface',
    (store, reopen) => {
      store.lock(() => {
        store.reserve('10.0.0.2', POD_A, 0);
        store.reserve('10.0.0.3', POD_A_NET1, 0);
        store.reserve('10.0.0.4', POD_B, 0);
        store.reserve('fd00::2', POD_A, 1);
      });
      const other = reopen();
      equal(
        other.lock(() => [other.find(POD_A).sort(), other.find(POD_A_NET1), other.find(POD_B)]),
        [['10.0.0.2', 'fd00::2'], ['10.0.0.3'], ['10.0.0.4']],
        'find',
      );
    },
  ],
  [
    'release() frees an address only for its owner',
    (store, reopen) => {
      store.lock(() => store.reserve('10.0.0.2', POD_A, 0));
      equal(
        store.lock(() => [POD_B, POD_A_NET1, POD_A, POD_A].map((owner) => store.release('10.0.0.2', owner))),
        [false, false, true, false],
        'release',
      );
      equal(holders(reopen()), [], 'list');
      equal(
        store.lock(() => [store.find(POD_A), store.reserve('10.0.0.2', POD_B, 0)]),
        [[], true],
        'find and reserve after release',
      );
    },
  ],
  [
    'find() distinguishes long container IDs that differ only at the end',
    (store) => {
      store.lock(() => {
        store.reserve('10.0.0.2', LONG, 0);
        store.reserve('10.0.0.3', LONG_TOO, 0);
      });
      equal(
        store.lock(() => [store.find(LONG), store.release('10.0.0.2', LONG_TOO), store.find(LONG_TOO)]),
        [['10.0.0.2'], false, ['10.0.0.3']],
        'find',
      );
      equal(
        store.lock(() => [store.release('10.0.0.2', LONG), store.find(LONG), store.find(LONG_TOO)]),
        [true, [], ['10.0.0.3']],
        'release',
      );
    },
  ],
  [
    'list() returns the pod of a claim',
    (store, reopen) => {
      store.lock(() => store.reserve('10.0.0.2', { ...POD_A, pod: 'default/web-0' }, 0));
      equal(reopen().list().reservations[0]?.pod, 'default/web-0', 'pod');
      equal(
        store.lock(() => [store.find(POD_A), store.release('10.0.0.2', POD_A), store.find(POD_A)]),
        [['10.0.0.2'], true, []],
        'find and release',
      );
    },
  ],
  [
    'Ipam.add() allocates from all sets or none, and recovers when a full set gets a free address',
    (store, reopen) => {
      const rangeSets = [[{ subnet: '10.0.0.0/29' }], [{ subnet: 'fd00::/125', rangeEnd: 'fd00::3' }]];
      const ipam = new Ipam({ rangeSets, store });
      const add = (containerID: string) =>
        ipam.add({ containerID, ifName: 'eth0' }).ips.map(({ address }) => address);
      equal(add('a'), ['10.0.0.2/29', 'fd00::2/125'], 'first');
      equal(add('b'), ['10.0.0.3/29', 'fd00::3/125'], 'second');
      let code: unknown;
      try {
        add('c');
      } catch (error) {
        code = (error as { code?: unknown }).code;
      }
      equal(code, 'EXHAUSTED', 'third: the second set has no address left');
      const other = new Ipam({ rangeSets, store: reopen() });
      equal(other.list().reservations.length, 4, 'reservations after the failure');
      equal(other.del({ containerID: 'a', ifName: 'eth0' }).sort(), ['10.0.0.2', 'fd00::2'], 'del');
      equal(add('c'), ['10.0.0.5/29', 'fd00::2/125'], 'after del');
    },
  ],
];

/**
 * Returns the tests that a store must pass. `make` returns a new, empty store, and optionally `reopen`, which
 * opens the same reservations as another process would. Without it, the tests use the same object.
 */
export function storeContract(make: () => Store | { store: Store; reopen: OpenStore }): ContractCase[] {
  return CASES.map(([name, body]) => ({
    name,
    run() {
      const made = make();
      if ('reopen' in made) {
        body(made.store, made.reopen);
      } else {
        body(made, () => made);
      }
    },
  }));
}
