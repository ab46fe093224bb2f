import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { NETLINK_ROUTE, type Sys, sys } from '@cnikit/sys';
import { expect, test } from 'vitest';
import { SOAK, soakSize } from '../../../vitest.soak.ts';
import { Connection } from '../src/connection.ts';
import * as k from '../src/constants.ts';
import * as nl from '../src/index.ts';
import { type Event, monitor } from '../src/monitor.ts';
import { freshRoute, live } from './live.ts';

const REQUESTS = soakSize(10_000, 100_000);
/** Requests that reach the steady state of memory first. */
const WARM_UP = soakSize(4_000, 20_000);
const descriptors = (): number => readdirSync('/proc/self/fd').length;
/** Memory of this process in KiB, without pages of files, which come and go with the memory that the machine has left. */
const anonymous = (): number => Number(/^RssAnon:\s+(\d+)/m.exec(sys.readText('/proc/self/status'))![1]);

live('netlink under load', () => {
  const route = freshRoute();
  const bridge = (rt: nl.RtnetlinkConnection): number =>
    rt.createLink({ kind: 'bridge', name: 'br0', up: true })!.index;

  test(`Connection leaks no descriptor and no memory in ${REQUESTS} requests`, () => {
    const rt = route();
    const index = bridge(rt);
    let refused = 0; // counted instead of expected: expect() allocates memory
    const round = (count: number): void => {
      for (let i = 0; i < count; i += 4) {
        rt.request(nl.newAddress({ index, address: '10.0.0.1/24' }));
        rt.link({ index });
        rt.request(nl.delAddress({ index, address: '10.0.0.1/24' }));
        refused += rt.batchSettled([nl.delAddress({ index, address: '10.0.0.1/24' })]).length;
      }
    };
    round(WARM_UP);
    const before = { fds: descriptors(), memory: anonymous() };
    round(REQUESTS);
    expect(refused).toBe((WARM_UP + REQUESTS) / 4);
    expect(descriptors()).toBe(before.fds);
    // The heap breathes; a leak of a link with its attributes would be 100 MB.
    expect(anonymous() - before.memory).toBeLessThan(32 * 1024);
  }, 600_000);

  test('Connection leaks nothing after close()', () => {
    const before = descriptors();
    for (let i = 0; i < 500; i++) {
      nl.openRtnetlink({ netns: '/proc/self/ns/net' }).close();
    }
    expect(() => nl.openRtnetlink({ netns: '/proc/self/comm' })).toThrow(
      expect.objectContaining({ code: 'EINVAL', message: expect.stringContaining('/proc/self/comm') }),
    );
    expect(() => nl.openRtnetlink({ netns: '/run/netns/none' })).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
    expect(descriptors()).toBe(before);
  });

  test("Connection does not receive another connection's replies", () => {
    const rt = route();
    const index = bridge(rt);
    const other = nl.openRtnetlink();
    for (let i = 0; i < 300; i++) {
      const address = `10.${i >> 8}.${i & 255}.1/24`;
      const connection = i % 2 === 0 ? rt : other;
      connection.request(nl.newAddress({ index, address }));
      expect((i % 2 === 0 ? other : rt).addresses({ index, family: 'ipv4' })).toHaveLength(i + 1);
    }
    // One begins in the middle of the other's dump.
    const seen = rt.connection.dump(nl.getAddresses(), () => {
      expect(other.link({ index })?.name).toBe('br0');
      return 1;
    });
    expect(seen.length).toBeGreaterThan(300);
    other.close();
  });

  /** Links that take several datagrams to list. */
  const manyLinks = (rt: nl.RtnetlinkConnection, pairs: number): void => {
    bridge(rt);
    rt.batch(
      Array.from({ length: pairs }, (_, i) =>
        nl.newLink({ kind: 'veth', name: `a${i}`, peer: { name: `b${i}` } }),
      ),
    );
  };
  const listed = (connection: Connection): string[] =>
    connection.dump(nl.getLinks(), (message) => nl.decodeLink(message).name).sort();

  test('Connection.dump() repeats an interrupted dump and returns a consistent one', () => {
    const rt = route();
    manyLinks(rt, 100);
    let interruptions = 0;
    /** The calls of the system, with a link added before the second datagram of a dump. */
    const interrupting = (): Sys => {
      let received = 0;
      const recv: Sys['recv'] = (...args) => {
        if (received++ === 1) {
          rt.request(nl.newLink({ kind: 'bridge', name: `late${interruptions++}` }));
        }
        return sys.recv(...args);
      };
      return { ...sys, recv };
    };
    const hasty = new Connection({ sys: interrupting(), protocol: NETLINK_ROUTE, dumpAttempts: 1 });
    expect(() => listed(hasty)).toThrow(expect.objectContaining({ code: 'EINTR' }));
    hasty.close();
    const patient = new Connection({ sys: interrupting(), protocol: NETLINK_ROUTE, dumpAttempts: 2 });
    const names = listed(patient);
    patient.close();
    expect(interruptions).toBe(2);
    expect(names).toEqual(
      rt
        .links()
        .map(({ name }) => name)
        .sort(),
    );
    expect(names).toEqual(expect.arrayContaining(['a0', 'b99', 'late0', 'late1']));
  });

  test.runIf(SOAK)(
    'Connection.dump() lists each link once while another program adds and removes links',
    async () => {
      const rt = route();
      manyLinks(rt, 300);
      const churn = spawn(
        process.execPath,
        ['--conditions=@cnikit/source', new URL('churn.ts', import.meta.url).pathname],
        { stdio: ['pipe', 'pipe', 'inherit'] },
      );
      await once(churn.stdout, 'data');
      const patient = new Connection({ sys, protocol: NETLINK_ROUTE, dumpAttempts: 10_000 });
      for (let i = 0; i < 20; i++) {
        const names = listed(patient);
        expect(new Set(names).size).toBe(names.length);
        expect(names.filter((name) => /^[ab]\d+$/.test(name))).toHaveLength(600);
      }
      patient.close();
      churn.stdin.end();
      await once(churn, 'close');
    },
    // A dump succeeds only between two changes, and a busy machine lets few of them end there.
    600_000,
  );

  test('monitor() reports an overflow and continues after it', async () => {
    const rt = route();
    const index = bridge(rt);
    const changes = monitor({ groups: ['ipv4-route'], receiveBuffer: 2048 });
    const routes = Array.from({ length: 2000 }, (_, i) =>
      nl.newRoute({ dst: `10.${i >> 8}.${i & 255}.0/24`, oif: index }),
    );
    rt.batch(routes); // blocks the event loop, so that the monitor does not read
    const seen: Event[] = [];
    for await (const change of changes) {
      seen.push(change);
      if (change.type === 'overflow') {
        rt.request(nl.newRoute({ dst: '192.0.2.0/24', oif: index }));
      }
      if (change.type === 'route' && change.route.dst === '192.0.2.0/24') {
        break;
      }
    }
    expect(seen.filter(({ type }) => type === 'overflow').length).toBeGreaterThan(0);
    expect(seen.length).toBeLessThan(2000);
    expect(rt.routes({ oif: index, table: 254, family: 'ipv4' })).toHaveLength(2001);
  });
});

live('monitor()', () => {
  const route = freshRoute();

  test('monitor() reports changes of links, addresses, routes and rules in order', async () => {
    const rt = route();
    const changes = monitor({ groups: ['link', 'ipv4-address', 'ipv4-route', 'ipv4-rule', 'neighbour'] });
    const { index } = rt.createLink({ kind: 'bridge', name: 'br0', up: true })!;
    rt.batch([
      nl.newAddress({ index, address: '10.0.0.1/24' }),
      nl.newRoute({ dst: '10.9.0.0/16', via: '10.0.0.9', protocol: 201 }),
      nl.newNeighbour({ index, address: '10.0.0.9', mac: '02:00:00:00:00:09' }),
      nl.newRoutingRule({ from: '10.0.0.0/8', table: 100, priority: 50 }),
      nl.delRoute({ dst: '10.9.0.0/16', protocol: 201 }),
      nl.delLink({ index }),
    ]);
    const wanted = [
      { type: 'link', action: 'new', link: expect.objectContaining({ name: 'br0' }) },
      { type: 'address', action: 'new', address: expect.objectContaining({ address: '10.0.0.1/24' }) },
      { type: 'route', action: 'new', route: expect.objectContaining({ dst: '10.9.0.0/16', protocol: 201 }) },
      { type: 'neighbour', action: 'new', neighbour: expect.objectContaining({ address: '10.0.0.9' }) },
      { type: 'rule', action: 'new', rule: expect.objectContaining({ priority: 50, table: 100 }) },
      { type: 'route', action: 'del', route: expect.objectContaining({ dst: '10.9.0.0/16' }) },
      { type: 'link', action: 'del', link: expect.objectContaining({ name: 'br0', index }) },
    ];
    for await (const change of changes) {
      if (change.type === wanted[0]!.type && change.type !== 'other' && change.type !== 'overflow') {
        try {
          expect(change).toEqual(wanted[0]);
          wanted.shift();
        } catch {
          continue; // one of the kernel's own in between
        }
      }
      if (wanted.length === 0) {
        break;
      }
    }
    expect(wanted).toEqual([]);
  });

  test('monitor() does not report a port that leaves its bridge as deleted', async () => {
    const rt = route();
    const master = rt.createLink({ kind: 'bridge', name: 'br0' })!.index;
    rt.request(nl.newLink({ kind: 'veth', name: 'p0', master }));
    const changes = monitor({ groups: ['link'] });
    rt.request(nl.setLink({ name: 'p0', master: 0 }));
    rt.request(nl.newLink({ kind: 'bridge', name: 'end' }));
    const seen: Event[] = [];
    for await (const change of changes) {
      seen.push(change);
      if (change.type === 'link' && change.link.name === 'end') {
        break;
      }
    }
    expect(seen.filter((change) => change.type === 'link' && change.action === 'del')).toEqual([]);
    expect(seen).toContainEqual(expect.objectContaining({ type: 'other', message: k.RTM_DELLINK }));
  });

  test('monitor() ends with close(), its signal or the loop, and leaks no descriptor', async () => {
    const before = descriptors();
    const first = monitor({ groups: ['link'] });
    const waiting = first.next();
    first.close();
    expect(await waiting).toEqual({ value: undefined, done: true });
    expect(await first.next()).toEqual({ value: undefined, done: true });
    const stop = new AbortController();
    const second = monitor({ groups: ['link'], signal: stop.signal });
    const ended = second.next();
    stop.abort();
    expect(await ended).toMatchObject({ done: true });
    expect(await monitor({ groups: ['link'], signal: AbortSignal.abort() }).next()).toMatchObject({
      done: true,
    });
    expect(() => monitor({ groups: ['nothing' as 'link'] })).toThrow(
      expect.objectContaining({ code: 'BAD_REQUEST' }),
    );
    expect(descriptors()).toBe(before);
  });

  test('monitor() keeps a bounded number of events for a slow reader', async () => {
    const rt = route();
    const index = rt.createLink({ kind: 'bridge', name: 'br0', up: true })!.index;
    const changes = monitor({ groups: ['ipv4-route'], queueLimit: 10 });
    rt.batch(Array.from({ length: 60 }, (_, i) => nl.newRoute({ dst: `10.0.${i}.0/24`, oif: index })));
    const first = (await changes.next()).value; // was waiting before they came
    expect(first).toMatchObject({ type: 'route' });
    expect((await changes.next()).value).toEqual({ type: 'overflow' });
    changes.close();
  });
});
