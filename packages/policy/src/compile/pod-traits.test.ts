import { expect, test } from 'vitest';
import { TraitsPool } from './pod-traits.ts';

const PORT = { name: 'http', protocol: 'TCP', port: 80 } as const;

test('TraitsPool.acquire() returns one object for equal traits', () => {
  const pool = new TraitsPool();
  const traits = pool.acquire('shop', { app: 'web', tier: 'a' }, [PORT]);
  expect(pool.acquire('shop', { tier: 'a', app: 'web' }, [{ ...PORT }])).toBe(traits);
});

test.each([
  ['namespace', 'other', { app: 'web' }, [PORT]],
  ['labels', 'shop', { app: 'db' }, [PORT]],
  ['name of a port', 'shop', { app: 'web' }, [{ ...PORT, name: 'https' }]],
  ['protocol of a port', 'shop', { app: 'web' }, [{ ...PORT, protocol: 'UDP' as const }]],
  ['number of a port', 'shop', { app: 'web' }, [{ ...PORT, port: 81 }]],
  ['ports', 'shop', { app: 'web' }, []],
])('TraitsPool.acquire() returns another object for another %s', (_, namespace, labels, ports) => {
  const pool = new TraitsPool();
  expect(pool.acquire(namespace, labels, ports)).not.toBe(pool.acquire('shop', { app: 'web' }, [PORT]));
});

test('TraitsPool.release() forgets traits with the last reference', () => {
  const pool = new TraitsPool();
  const traits = pool.acquire('shop', {}, []);
  pool.acquire('shop', {}, []);
  pool.release(traits);
  expect(pool.acquire('shop', {}, [])).toBe(traits);
  pool.release(traits);
  pool.release(traits);
  expect(pool.acquire('shop', {}, [])).not.toBe(traits);
});
