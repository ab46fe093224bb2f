import { expect, test } from 'vitest';
import * as k from '../src/constants.ts';
import * as nl from '../src/index.ts';
import { freshRoute, json, live, run } from './live.ts';

live('traffic control on a kernel', () => {
  const route = freshRoute();

  test('rootQdisc() equals the root of qdiscs()', () => {
    const rt = route();
    rt.request(nl.newLink({ kind: 'veth', name: 'v0', up: true }));
    const { index } = rt.link({ name: 'v0' })!;
    rt.request(nl.newQdisc({ index, kind: 'tbf', rate: 1_000_000, burst: 32_768, latency: 25 }));
    rt.request(nl.newQdisc({ index, kind: 'ingress' }));
    expect(rt.rootQdisc(index)).toEqual(rt.qdiscs({ index }).find(({ parent }) => parent === k.TC_H_ROOT));
  });

  test('newQdisc() shapes the egress of a link, as `tc` shows', () => {
    const rt = route();
    rt.request(nl.newLink({ kind: 'veth', name: 'v0', up: true }));
    const { index } = rt.link({ name: 'v0' })!;
    rt.request(nl.newQdisc({ index, kind: 'tbf', rate: 1_000_000, burst: 32_768, latency: 25 }));
    const [shown] = json('tc -j qdisc show dev v0 root');
    expect(shown).toMatchObject({ kind: 'tbf', options: { rate: 1_000_000, burst: 32_768, lat: 25_000 } });
    const [qdisc] = rt.qdiscs({ index });
    expect(qdisc).toMatchObject({
      kind: 'tbf',
      parent: k.TC_H_ROOT,
      tbf: { rate: 1_000_000, limit: 57_768 },
    });
    expect(Math.abs(qdisc!.tbf!.burst - 32_768)).toBeLessThan(2); // the kernel reports ticks of 64 ns
    expect(nl.handleText(qdisc!.handle)).toBe(`${shown.handle}0`);
    // As the bandwidth plugin of a CNI chain asks for it: above 4 GB/s too.
    rt.request(
      nl.newQdisc({
        index,
        kind: 'tbf',
        rate: 1_000_000,
        burst: 1,
        buffer: 100_000,
        limit: 9000,
        mode: 'replace',
      }),
    );
    expect(rt.qdiscs({ index })[0]!.tbf).toEqual({
      rate: 1_000_000,
      burst: 6400,
      buffer: 100_000,
      limit: 9000,
    });
    rt.request(
      nl.newQdisc({ index, kind: 'tbf', rate: 12_500_000_000, burst: 2 ** 31, latency: 25, mode: 'replace' }),
    );
    expect(rt.qdiscs({ index })[0]!.tbf!.rate).toBe(12_500_000_000);
    rt.request(nl.delQdisc({ index }));
    expect(rt.qdiscs({ index }).filter(({ kind }) => kind === 'tbf')).toEqual([]);
  });

  test('newFilter() redirects ingress to an ifb, where it can be shaped', () => {
    const rt = route();
    rt.batch([
      nl.newLink({ kind: 'veth', name: 'v0', up: true }),
      nl.newLink({ kind: 'ifb', name: 'ifb9', up: true }),
    ]);
    const { index } = rt.link({ name: 'v0' })!;
    const ifb = rt.link({ name: 'ifb9' })!.index;
    rt.batch([
      nl.newQdisc({ index, kind: 'ingress' }),
      nl.newFilter({ index, redirect: ifb, priority: 7 }),
      nl.newQdisc({ index: ifb, kind: 'tbf', rate: 125_000, burst: 4096, limit: 10_000 }),
    ]);
    expect(run('tc filter show dev v0 parent ffff:')).toMatch(
      /mirred \(Egress Redirect to device ifb9\) stolen/,
    );
    const filters = rt.filters({ index }).filter(({ redirect }) => redirect !== undefined);
    expect(filters).toMatchObject([{ kind: 'u32', redirect: ifb, priority: 7, protocol: k.ETH_P_ALL }]);
    rt.request(nl.delFilter({ index, priority: 7 }));
    expect(rt.filters({ index })).toEqual([]);
    rt.request(nl.delQdisc({ index, kind: 'ingress' }));
    expect(rt.qdiscs({ index }).filter(({ kind }) => kind === 'ingress')).toEqual([]);
  });

  test('newQdisc() refuses invalid tbf parameters', () => {
    const bad = { name: 'NetlinkEncodeError' };
    for (const options of [
      { rate: 12_500_000_000, burst: 2 ** 31, latency: 1000 },
      { rate: 1e6, burst: 1e6, limit: 2 ** 32 },
      { rate: 1e6, burst: 2 ** 32, limit: 1e6 },
    ]) {
      expect(() => nl.newQdisc({ index: 1, kind: 'tbf', ...options })).toThrow(
        /tbf (limit|burst).* 4294967295/,
      );
    }
    expect(() => nl.newQdisc({ index: 1, kind: 'tbf', rate: 0, burst: 1, limit: 1 })).toThrow(
      expect.objectContaining(bad),
    );
    expect(() => nl.newQdisc({ index: 1, kind: 'tbf', rate: 1, burst: 1 })).toThrow(
      expect.objectContaining(bad),
    );
  });
});
