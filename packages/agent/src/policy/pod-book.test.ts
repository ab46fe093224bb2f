import type { Pod } from '@cnikit/policy';
import { expect, test } from 'vitest';
import { PodBook, type WatchedPod } from './pod-book.ts';

const watched = (
  name: string,
  more: Partial<{ uid: string; mirrored: string; ips: string[]; node: string; phase: string }> = {},
): WatchedPod => ({
  uid: more.uid ?? `uid-${name}`,
  mirrored: more.mirrored,
  pod: {
    kind: 'Pod',
    metadata: { namespace: 'x', name },
    spec: { nodeName: more.node ?? 'n1', containers: [] },
    status: { phase: more.phase ?? 'Running', podIPs: (more.ips ?? []).map((ip) => ({ ip })) },
  },
});
const local = (name: string, containerId: string, addresses: string[], uid?: string) => ({
  namespace: 'x',
  name,
  containerId,
  addresses,
  uid,
});

/** A book, and the addresses of each pod as its events report them. */
function bookOf() {
  const book = new PodBook('n1');
  const pods = new Map<string, Pod>();
  const take = (events: ReturnType<PodBook['claim']>): void => {
    for (const { type, object } of events) {
      const pod = object as Pod;
      if (type === 'put') {
        pods.set(pod.metadata.name, pod);
      } else {
        pods.delete(pod.metadata.name);
      }
    }
  };
  return {
    book,
    put: (pod: WatchedPod) => take(book.put(`x/${pod.pod.metadata.name}`, pod)),
    delete: (name: string) => take(book.put(`x/${name}`, undefined)),
    claim: (...args: Parameters<typeof local>) => take(book.claim(local(...args))),
    release: (containerId: string) => take(book.release(containerId)),
    addresses: () =>
      Object.fromEntries([...pods].map(([name, { status }]) => [name, status?.podIPs?.map(({ ip }) => ip)])),
  };
}

test('PodBook takes the addresses of the API where the plugin reported none', () => {
  const { put, delete: remove, addresses } = bookOf();
  put(watched('a', { ips: ['10.0.0.1', 'fd00::1'] }));
  expect(addresses()).toEqual({ a: ['10.0.0.1', 'fd00::1'] });
  remove('a');
  expect(addresses()).toEqual({});
});

test('claim() gives a pod its addresses before the API does, in canonical form', () => {
  const { put, claim, addresses } = bookOf();
  claim('a', 'c1', ['10.0.0.1', 'FD00:0::1'], 'uid-a');
  expect(addresses()).toEqual({});
  put(watched('a'));
  expect(addresses()).toEqual({ a: ['10.0.0.1', 'fd00::1'] });
});

test('claim() takes an address from pods that the API still gives it to', () => {
  const { put, claim, release, addresses } = bookOf();
  put(watched('old', { ips: ['10.0.0.1'] }));
  put(watched('far', { ips: ['10.0.0.1', '10.0.0.9'], node: 'n2' }));
  put(watched('a'));
  claim('a', 'c1', ['10.0.0.1']);
  expect(addresses()).toEqual({ old: [], far: ['10.0.0.9'], a: ['10.0.0.1'] });
  put(watched('old', { ips: ['10.0.0.1'], phase: 'Failed' }));
  expect(addresses().old).toEqual([]);
  release('c1');
  expect(addresses()).toEqual({ old: ['10.0.0.1'], far: ['10.0.0.1', '10.0.0.9'], a: [] });
});

test('claim() of two pods with one address gives it to the later one, and back when that is released', () => {
  const { put, claim, release, addresses } = bookOf();
  put(watched('a'));
  put(watched('b'));
  claim('a', 'c1', ['10.0.0.1']);
  claim('b', 'c2', ['10.0.0.1']);
  expect(addresses()).toEqual({ a: [], b: ['10.0.0.1'] });
  release('c2');
  expect(addresses()).toEqual({ a: ['10.0.0.1'], b: [] });
});

test('claim() of the next sandbox of a pod replaces the released one', () => {
  const { put, claim, release, addresses } = bookOf();
  put(watched('a', { ips: ['10.0.0.1'] }));
  claim('a', 'c1', ['10.0.0.1'], 'uid-a');
  release('c1');
  expect(addresses()).toEqual({ a: [] });
  claim('a', 'c2', ['10.0.0.2'], 'uid-a');
  expect(addresses()).toEqual({ a: ['10.0.0.2'] });
  release('c1');
  expect(addresses()).toEqual({ a: ['10.0.0.2'] });
});

test('claim() of a container that is attached again replaces its addresses', () => {
  const { put, claim, addresses } = bookOf();
  put(watched('a'));
  claim('a', 'c1', ['10.0.0.1']);
  claim('a', 'c1', ['10.0.0.2']);
  expect(addresses()).toEqual({ a: ['10.0.0.2'] });
});

test('claim() of a pod whose name another UID has waits for its own Pod', () => {
  const { book, put, delete: remove, claim, addresses } = bookOf();
  put(watched('a', { uid: 'first', ips: ['10.0.0.1'] }));
  claim('a', 'c1', ['10.0.0.1'], 'second');
  expect(addresses()).toEqual({ a: [] });
  expect(book.isKnown('c1')).toBe(false);
  remove('a');
  put(watched('a', { uid: 'second' }));
  expect(addresses()).toEqual({ a: ['10.0.0.1'] });
  expect(book.isKnown('c1')).toBe(true);
});

test('claim() of a static pod belongs to its mirror Pod', () => {
  const { book, put, claim, release, addresses } = bookOf();
  put(watched('a', { uid: 'api', mirrored: 'file' }));
  claim('a', 'c1', ['10.0.0.1'], 'file');
  expect(book.isKnown('c1')).toBe(true);
  expect(addresses()).toEqual({ a: ['10.0.0.1'] });
  release('c1');
  put(watched('a', { uid: 'api', mirrored: 'file', ips: ['10.0.0.1'] }));
  expect(addresses()).toEqual({ a: [] });
});

test('release() closes a pod that the API gives its address for a while, and its successor has its own', () => {
  const { put, claim, release, addresses } = bookOf();
  put(watched('a', { ips: ['10.0.0.1'] }));
  claim('a', 'c1', ['10.0.0.1'], 'uid-a');
  release('c1');
  put(watched('a', { ips: ['10.0.0.1'], phase: 'Failed' }));
  expect(addresses()).toEqual({ a: [] });
  put(watched('a', { uid: 'next', ips: ['10.0.0.7'] }));
  expect(addresses()).toEqual({ a: ['10.0.0.7'] });
});

test('release() of an unknown container changes nothing', () => {
  expect(new PodBook('n1').release('c1')).toEqual([]);
});

test('claim() refuses a text that is not an address, and keeps the earlier claim', () => {
  const { put, claim, addresses } = bookOf();
  put(watched('a'));
  claim('a', 'c1', ['10.0.0.1']);
  expect(() => claim('a', 'c1', ['10.0.0.1/24'])).toThrow('"10.0.0.1/24" is not an IP address');
  put(watched('a'));
  expect(addresses()).toEqual({ a: ['10.0.0.1'] });
});
