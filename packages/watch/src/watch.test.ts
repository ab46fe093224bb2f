import { describe, expect, test } from 'vitest';
import { body, listOf, node, reader, type Script, script, silent, status, stream } from '../test/scripted.ts';
import type { BackoffOptions } from './backoff.ts';
import { WatchError } from './errors.ts';
import { type VirtualClock, virtualClock } from './testing/index.ts';
import type { KubeObject, WatchHooks, WatchOptions } from './types.ts';
import { watch } from './watch.ts';

const BACKOFF = { initialMs: 1000, maxMs: 8000, healthyMs: 5000 };

function start(server: Script, more: Partial<WatchOptions<unknown>> = {}) {
  const clock: VirtualClock = virtualClock();
  const stop = new AbortController();
  const log: string[] = [];
  const delays: number[] = [];
  const changes = reader(
    watch<unknown, KubeObject>({
      transport: server,
      path: '/api/v1/nodes',
      clock,
      random: () => 0.5,
      signal: stop.signal,
      backoff: BACKOFF,
      hooks: {
        onList: ({ objects, pages }) => log.push(`list ${objects}/${pages}`),
        onWatchStart: ({ resourceVersion }) => log.push(`watch ${resourceVersion}`),
        onWatchEnd: ({ reason }) => log.push(`end ${reason}`),
        onError: (error, { retryInMs }) => {
          log.push(`error ${error.code}`);
          delays.push(retryInMs);
        },
      },
      ...more,
    }),
  );
  return { clock, stop, log, delays, ...changes };
}

describe('watch()', () => {
  test('watch() lists in pages, then watches from the version of the list', async () => {
    const open = body();
    const server = script().then(
      listOf(9, [node('a', 1), node('b', 2)], 'next'),
      listOf(9, [node('c', 3)]),
      stream(open),
    );
    const w = start(server, { pageSize: 2, labelSelector: 'x=y' });
    await w.clock.settle();
    expect(w.take()).toEqual(['synced a b c']);
    open.event('ADDED', node('d', 10));
    open.event('MODIFIED', node('a', 11));
    open.event('DELETED', node('b', 12));
    await w.clock.settle();
    expect(w.take()).toEqual(['added d', 'modified a', 'deleted b']);
    expect(server.asked.map((a) => a.query)).toEqual([
      { labelSelector: 'x=y', limit: '2', resourceVersion: '0' },
      { labelSelector: 'x=y', limit: '2', continue: 'next' },
      {
        labelSelector: 'x=y',
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: '9',
        timeoutSeconds: '270',
      },
    ]);
    expect(w.log).toEqual(['list 3/2', 'watch 9']);
    w.stop.abort();
  });

  test('watch() resumes from the last event or bookmark when the server ends the watch', async () => {
    const first = body();
    const second = body();
    const server = script().then(listOf(9, []), stream(first), stream(second), silent);
    const w = start(server);
    await w.clock.advance(270_000);
    first.event('ADDED', node('a', 12));
    first.end();
    await w.clock.advance(100_000);
    second.event('BOOKMARK', { metadata: { resourceVersion: '40' } });
    second.end();
    await w.clock.advance(499);
    expect(server.asked).toHaveLength(3);
    await w.clock.advance(1);
    expect(server.asked.map((a) => a.query.resourceVersion)).toEqual(['0', '9', '12', '40']);
    expect(w.take()).toEqual(['synced', 'added a']);
    expect(w.delays).toEqual([]);
    w.stop.abort();
  });

  test.each(['status', 'event'])(
    'watch() lists again after 410 as %s, and yields the missed changes',
    async (form) => {
      const expiredEvent = body();
      expiredEvent.event('ERROR', { kind: 'Status', code: 410, message: 'too old' });
      expiredEvent.end();
      const server = script().then(
        listOf(9, [node('gone', 1), node('kept', 2), node('changed', 3), node('again', 4)]),
        form === 'event' ? stream(expiredEvent) : status(410),
        listOf(50, [
          node('kept', 2),
          node('changed', 33),
          { metadata: { name: 'again', uid: 'other', resourceVersion: '34' } },
          node('new', 35),
        ]),
        silent,
      );
      const w = start(server);
      await w.clock.advance(1000);
      expect(w.take().filter((c) => !c.startsWith('stale') && c !== 'fresh')).toEqual([
        'synced gone kept changed again',
        'deleted gone',
        'deleted again',
        'modified changed',
        'added again',
        'added new',
      ]);
      expect(server.asked[2]!.query).toEqual({ limit: '500' });
      expect(server.asked[3]!.query.resourceVersion).toBe('50');
      w.stop.abort();
    },
  );

  test('watch() yields stale once, retries with backoff, and then yields fresh', async () => {
    const open = body();
    const second = body();
    const away = () => Promise.reject(new Error('connect ECONNREFUSED'));
    const server = script().then(
      listOf(9, [node('a', 1)]),
      stream(open),
      away,
      away,
      away,
      away,
      away,
      stream(second),
      away,
    );
    const w = start(server);
    await w.clock.advance(60_000);
    open.event('MODIFIED', node('a', 10));
    await w.clock.advance(60_000);
    open.breakOff(new Error('reset'));
    await w.clock.settle();
    expect(w.take()).toEqual(['synced a', 'modified a']);
    await w.clock.advance(500);
    expect(w.take()).toEqual(['stale CONNECT since 60000']);
    await w.clock.advance(20_000);
    expect(w.delays).toEqual([500, 750, 1500, 3000, 6000, 6000]);
    expect(w.take()).toEqual(['fresh']);
    expect(server.asked.slice(2).every((a) => a.watch && a.query.resourceVersion === '10')).toBe(true);
    await w.clock.advance(60_000);
    second.breakOff(new Error('reset'));
    await w.clock.advance(500);
    expect(w.delays.slice(6)).toEqual([500, 750]);
    w.stop.abort();
  });

  test('watch() retries within a second while the server is unreachable, and backs off once it answers', async () => {
    const open = body();
    const nobody = () => Promise.reject(new WatchError('CONNECT', 'ECONNREFUSED', { unreached: true }));
    const minutes = Array.from({ length: 100 }, () => nobody);
    const server = script().then(
      listOf(9, []),
      stream(open),
      ...minutes,
      status(503),
      status(503),
      nobody,
      silent,
    );
    const w = start(server);
    await w.clock.advance(60_000);
    open.breakOff(new Error('reset'));
    await w.clock.advance(75_500);
    expect(w.delays.slice(1, 101)).toEqual(Array.from({ length: 100 }, () => 750));
    // A server that answers with an error needs the long delays again.
    await w.clock.advance(20_000);
    expect(w.delays.slice(101)).toEqual([750, 1500, 750]);
    w.stop.abort();
  });

  test('watch() honours Retry-After from the header and from the Status', async () => {
    const details = JSON.stringify({ kind: 'Status', code: 429, details: { retryAfterSeconds: 40 } });
    const server = script().then(status(429, '20'), status(429, undefined, details), listOf(1, []), silent);
    const w = start(server);
    await w.clock.settle();
    expect(w.take()).toEqual(['stale HTTP 429 since 0']);
    await w.clock.advance(20_500);
    expect(server.asked).toHaveLength(2);
    await w.clock.advance(40_000);
    expect(server.asked).toHaveLength(2);
    await w.clock.advance(500);
    expect(w.take()).toEqual(['synced', 'fresh']);
    w.stop.abort();
  });

  test('watch() abandons a silent watch, response and list', async () => {
    const half = body();
    half.send('{"kind":"NodeList","items":[{"metadata":');
    const never = ({ signal }: { signal: AbortSignal }) =>
      new Promise<never>((_, fail) => signal.addEventListener('abort', () => fail(new Error('aborted'))));
    const server = script().then(
      ({ signal }) => {
        signal.addEventListener('abort', () => half.breakOff(new Error('aborted')));
        return { body: half };
      },
      never,
      listOf(9, []),
      silent,
    );
    const w = start(server, { idleSeconds: 90 });
    await w.clock.advance(29_999);
    expect(server.asked).toHaveLength(1);
    await w.clock.advance(1);
    expect(w.take()).toEqual(['stale IDLE since 0']);
    await w.clock.advance(750 + 30_000 + 1500);
    expect(w.take()).toEqual(['synced', 'fresh']);
    await w.clock.advance(89_999);
    expect(w.log.at(-1)).toBe('watch 9');
    await w.clock.advance(1);
    expect(w.log.slice(-2)).toEqual(['end idle', 'error IDLE']);
    expect(server.asked.at(-1)!.query.resourceVersion).toBe('9');
    w.stop.abort();
  });

  test.each([-3_600_000, 3_600_000])(
    'watch() measures silence, and how long a watch lasted, rightly when the clock is set by %i ms',
    async (jump) => {
      const open = body();
      const server = script().then(
        listOf(9, []),
        ({ signal }) => {
          signal.addEventListener('abort', () => open.breakOff(new Error('aborted')));
          return { body: open };
        },
        silent,
      );
      const w = start(server, { idleSeconds: 90 });
      await w.clock.advance(60_000);
      open.event('BOOKMARK', { metadata: { resourceVersion: '10' } });
      await w.clock.settle();
      w.clock.set(w.clock.now() + jump);
      await w.clock.advance(89_999);
      expect(w.log.at(-1)).toBe('watch 9');
      open.end();
      await w.clock.advance(1000);
      expect(w.log.slice(-2)).toEqual(['end timeout', 'watch 10']);
      w.clock.set(w.clock.now() + jump);
      await w.clock.advance(90_000);
      expect(w.log).toContain('end idle');
      w.stop.abort();
    },
  );

  test('watch() resets the idle timer on a bookmark', async () => {
    const open = body();
    const server = script().then(listOf(9, []), stream(open));
    const w = start(server, { idleSeconds: 90 });
    for (let minute = 1; minute <= 10; minute += 1) {
      await w.clock.advance(60_000);
      open.event('BOOKMARK', { metadata: { resourceVersion: String(9 + minute) } });
    }
    expect(server.asked).toHaveLength(2);
    w.stop.abort();
  });

  test('watch() backs off from a server that ends every watch immediately', async () => {
    const server = script().then(listOf(9, []), () => {
      const ended = body();
      ended.end();
      return { body: ended };
    });
    const w = start(server);
    await w.clock.advance(600_000);
    // 750, 1500, 3000, then 6000 each.
    expect(server.asked.length).toBeLessThan(110);
    expect(w.take()).toEqual(['synced', 'stale CONNECT since 2250']);
    w.stop.abort();
  });

  test('watch() lists again after an unparsable or oversized event', async () => {
    const garbage = body();
    garbage.send('{"type":"ADDED","obj\u0000}{\n');
    const large = body();
    large.send(`{"type":"ADDED","object":"${'x'.repeat(2000)}`);
    const server = script().then(
      listOf(9, []),
      stream(garbage),
      listOf(10, []),
      stream(large),
      listOf(11, []),
      silent,
    );
    const w = start(server, { maxObjectBytes: 1000 });
    await w.clock.advance(10_000);
    expect(w.log).toEqual([
      'list 0/1',
      'watch 9',
      'end protocol',
      'error PROTOCOL',
      'list 0/1',
      'watch 10',
      'end protocol',
      'error PROTOCOL',
      'list 0/1',
      'watch 11',
    ]);
    w.stop.abort();
  });

  test('watch() starts from notOlderThan, or from scratch if the server has lost it', async () => {
    const server = script().then(listOf(90, [node('a', 1)]), silent);
    const w = start(server, { notOlderThan: '77' });
    await w.clock.settle();
    expect(w.take()).toEqual(['synced a']);
    expect(server.asked[0]!.query).toEqual({
      limit: '500',
      resourceVersion: '77',
      resourceVersionMatch: 'NotOlderThan',
    });
    w.stop.abort();

    const tooLarge = { code: 504, details: { causes: [{ reason: 'ResourceVersionTooLarge' }] } };
    const restored = script().then(status(504, undefined, JSON.stringify(tooLarge)), listOf(12, []), silent);
    const again = start(restored, { notOlderThan: '77' });
    await again.clock.advance(1000);
    expect(again.take()).toEqual(['stale EXPIRED 504 since 0', 'synced', 'fresh']);
    expect(restored.asked[1]!.query).toEqual({});
    again.stop.abort();
  });

  test('watch() resumes within two seconds however often an accepted watch is cut', async () => {
    const cut: Parameters<Script['then']>[0] = ({ signal }) => {
      const made = body(signal);
      made.breakOff(new Error('reset'));
      return { body: made };
    };
    const server = script().then(listOf(9, []), ...Array.from({ length: 12 }, () => cut), silent);
    const w = start(server);
    await w.clock.advance(60_000);
    expect(w.delays).toHaveLength(12);
    expect(Math.max(...w.delays)).toBeLessThanOrEqual(2000);
    expect(server.asked.filter(({ watch }) => !watch)).toHaveLength(1);
    w.stop.abort();
  });

  test('watch() lists unpaged when the continue token expires', async () => {
    const server = script().then(
      listOf(9, [node('a', 1)], 'next'),
      status(410),
      listOf(12, [node('b', 2)]),
      silent,
    );
    const w = start(server);
    await w.clock.advance(1000);
    expect(w.take()).toEqual(['stale EXPIRED 410 since 0', 'synced b', 'fresh']);
    expect(server.asked[2]!.query).toEqual({ resourceVersion: '0' });
    w.stop.abort();
  });

  test('watch() lists again when the server goes back in time', async () => {
    const open = body();
    const server = script().then(
      listOf(900, [node('a', 899)]),
      stream(open),
      listOf(20, [node('b', 7)]),
      silent,
    );
    const w = start(server);
    await w.clock.advance(6000);
    open.event('BOOKMARK', { metadata: { resourceVersion: '15' } });
    await w.clock.advance(1000);
    expect(w.take()).toEqual(['synced a', 'deleted a', 'added b']);
    w.stop.abort();
  });

  test('watch() keeps the selected value and ignores other changes', async () => {
    const open = body();
    const server = script().then(
      listOf(9, [node('a', 1, { spec: { podCIDR: 'x' }, status: { beat: 1 } })]),
      stream(open),
    );
    const w = start(server, { select: (n) => (n.spec as { podCIDR: string }).podCIDR });
    await w.clock.settle();
    open.event('MODIFIED', node('a', 10, { spec: { podCIDR: 'x' }, status: { beat: 2 } }));
    open.event('MODIFIED', node('a', 11, { spec: { podCIDR: 'y' }, status: { beat: 3 } }));
    await w.clock.settle();
    expect(w.raw).toEqual([
      { type: 'synced', objects: new Map([['a', 'x']]) },
      { type: 'modified', name: 'a', object: 'y' },
    ]);
    w.stop.abort();
  });

  test('watch() ends on its signal in every state', async () => {
    for (const steps of [
      [status(500)],
      [listOf(1, []), silent],
      [({ signal }: { signal: AbortSignal }) => ({ body: body(signal) })],
    ]) {
      const w = start(script().then(...steps));
      await w.clock.settle();
      w.stop.abort();
      await w.done;
      expect(w.clock.next()).toBeUndefined();
    }
  });

  test('watch() closes its request when the loop is left', async () => {
    const closed: number[] = [];
    const open = body();
    const server = script().then(listOf(9, []), () => ({ body: open, close: () => closed.push(1) }));
    const clock = virtualClock();
    for await (const change of watch({ transport: server, path: '/api/v1/nodes', clock })) {
      if (change.type === 'synced') {
        open.event('ADDED', node('a', 10));
      } else {
        break;
      }
    }
    expect(closed).toHaveLength(1);
    expect(clock.next()).toBeUndefined();
  });

  test('watch() reads no further than its consumer', async () => {
    const open = body();
    const server = script().then(listOf(9, []), stream(open));
    const clock = virtualClock();
    const stop = new AbortController();
    const changes = watch({
      transport: server,
      path: '/api/v1/nodes',
      clock,
      signal: stop.signal,
      idleSeconds: 5,
    });
    await changes.next();
    open.event('ADDED', node('a', 10));
    await changes.next();
    // Far longer than idleSeconds, but the silence is the consumer's own.
    await clock.advance(600_000);
    open.event('ADDED', node('b', 11));
    expect((await changes.next()).value).toMatchObject({ name: 'b' });
    stop.abort();
  });

  test('watch() refuses an unknown option, hook or backoff setting', () => {
    const options = { transport: script(), path: '/api/v1/nodes' };
    const misspelt = { ...options, labelSelectors: 'app=web' };
    expect(() => watch(misspelt)).toThrow(TypeError);
    expect(() => watch(misspelt)).toThrow(
      /^Unknown key "labelSelectors" in options: expected kubeConfig, .*labelSelector/,
    );
    const hooks = { onErrors: () => {} } as WatchHooks;
    expect(() => watch({ ...options, hooks })).toThrow('Unknown key "onErrors" in hooks');
    const backoff = { max: 1 } as BackoffOptions;
    expect(() => watch({ ...options, backoff })).toThrow('Unknown key "max" in backoff');
  });

  test('watch() takes an instance with further fields as hooks', () => {
    class Metrics implements WatchHooks {
      lists = 0;
      onList = () => this.lists++;
    }
    expect(() => watch({ transport: script(), path: '/api/v1/nodes', hooks: new Metrics() })).not.toThrow();
  });

  test('watch() rejects an invalid path and missing server options', () => {
    expect(() => watch({ transport: script(), path: 'nodes' })).toThrow('Invalid path');
    expect(() => watch({ transport: script(), path: '/api/v1/nodes?watch=1' })).toThrow(TypeError);
    expect(() => watch({ path: '/api/v1/nodes' })).toThrow('needs the option kubeConfig');
  });
});
