/** Connections that exist when policies change or pods go, between pods in namespaces of the sandbox. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { flowsOf, openConntrack } from '@cnikit/netlink/conntrack';
import { openNftables } from '@cnikit/netlink/nftables';
import type { NetworkPolicy } from '@cnikit/policy';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { LivePod } from '../../policy/test/pods.ts';
import { addressesOf, objectsOf } from '../../policy/test/upstream.ts';
import { Metrics } from '../src/core/metrics.ts';
import { after } from '../src/core/timers.ts';
import { COLLECTIONS, Enforcer } from '../src/policy/enforcer.ts';
import { readPolicy } from '../src/policy/invalid-policy.ts';
import { podReader } from '../src/policy/objects.ts';
import { PolicyTable } from '../src/policy/policy-table.ts';
import { kernelTracking } from '../src/policy/tracking.ts';

const PROGRAM = fileURLToPath(new URL('streams.ts', import.meta.url));
const MARK = 0x400;
const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: 30_000, interval: 10 });

interface State {
  known: string[];
  arrived: string[];
}

const names = (port: number, protocol: string): string[] =>
  ['ipv4', 'ipv6'].flatMap((family) =>
    ['client', 'server'].map((speaker) => `${protocol}-${port}-${family}-${speaker}`),
  );
const ALLOWED = [...names(80, 'TCP'), ...names(80, 'UDP')];
const DENIED_TCP = names(81, 'TCP');
const DENIED_UDP = names(81, 'UDP');
const DENIED = [...DENIED_TCP, ...DENIED_UDP];

const only = (...ports: number[]) =>
  ports.flatMap((port) => [
    { protocol: 'TCP' as const, port },
    { protocol: 'UDP' as const, port },
  ]);
const ingress = (...ports: number[]): NetworkPolicy['spec'] => ({
  podSelector: { matchLabels: { pod: 'a' } },
  ingress: [{ ports: only(...ports) }],
});
const egress = (...ports: number[]): NetworkPolicy['spec'] => ({
  podSelector: { matchLabels: { pod: 'b' } },
  policyTypes: ['Egress'],
  egress: [{ ports: only(...ports) }],
});

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')('connections of pods on a full kernel', () => {
  const connection = openNftables();
  let server: LivePod;
  let client: LivePod;
  let enforcer: Enforcer;
  let metrics: Metrics;

  beforeAll(async () => {
    execFileSync('sysctl', ['-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']);
    server = new LivePod('x/a', 0, PROGRAM);
    client = new LivePod('x/b', 1, PROGRAM);
    await Promise.all([server.ready(), client.ready()]);
  });
  afterEach(async () => {
    enforcer.close();
    execFileSync('nft', ['flush', 'ruleset']);
    execFileSync('conntrack', ['-F'], { stdio: 'ignore' });
    await Promise.all([client.command({ reset: true }), server.command({ reset: true })]);
  });
  afterAll(() => {
    connection.close();
    client.stop();
    server.stop();
  });

  const put = (spec: NetworkPolicy['spec']) =>
    enforcer.putPolicy('x/p', readPolicy({ metadata: { namespace: 'x', name: 'p' }, spec }));

  /** Opens connections from pod x/b to both ports of x/a, in both families, under a policy that allows them. */
  async function start(cutMark: number | undefined, spec: NetworkPolicy['spec']): Promise<void> {
    metrics = new Metrics();
    enforcer = new Enforcer('n1', {
      table: new PolicyTable(connection),
      tracking: kernelTracking,
      rules: { cutMark },
      contest: { delayMs: 0, repaired: () => undefined },
      report: (problems) => expect(problems).toEqual([]),
      metrics,
      log: { warn: (_, message) => expect.fail(message), info: () => undefined },
      after,
    });
    const read = podReader();
    for (const object of objectsOf({ title: '', policies: [], denies: () => false })) {
      const { kind, metadata } = object as { kind: string; metadata: { namespace: string; name: string } };
      if (kind === 'Pod') {
        enforcer.putPod(`${metadata.namespace}/${metadata.name}`, read(object));
      }
    }
    put(spec);
    for (const collection of COLLECTIONS) {
      enforcer.synced(collection);
    }
    enforcer.setPodCIDRs(['10.0.0.0/24', 'fd00::/120']);
    await eventually(() => expect(enforcer.programmed).toBe(true));
    const open = [...ALLOWED, ...DENIED].map((name) => {
      const [protocol, port, family] = name.split('-') as [string, string, 'ipv4' | 'ipv6'];
      return { name, protocol, port: Number(port), address: addressesOf('x/a')[family] };
    });
    await client.command({ open });
    await eventually(async () => {
      expect(((await server.command({})) as State).known).toHaveLength(open.length);
    });
  }

  /** Has each end send a text through the connections that it speaks first on. */
  async function speak(connections: readonly string[], text: string): Promise<void> {
    const by = (end: string) => connections.filter((name) => name.endsWith(end));
    await client.command({ send: { names: by('client'), text } });
    await server.command({ send: { names: by('server'), text } });
  }

  /** Returns what has arrived since the last call. */
  async function taken(): Promise<string[]> {
    const states = await Promise.all([server, client].map((pod) => pod.command({ take: true })));
    return (states as State[]).flatMap(({ arrived }) => arrived);
  }

  /** Waits until texts have arrived by connections. Returns all that arrived. */
  async function arrival(expected: readonly string[]): Promise<string[]> {
    const all: string[] = [];
    await eventually(async () => {
      all.push(...(await taken()));
      for (const one of expected) {
        expect(all).toContain(one);
      }
    });
    return all;
  }

  const each = (connections: readonly string[], text: string) => connections.map((name) => `${name} ${text}`);

  test.each([
    ['ingress of the server', ingress],
    ['egress of the client', egress],
  ])('cut ends denied connections of both families when either side speaks, by %s', async (_, spec) => {
    await start(MARK, spec(80, 81));
    await speak([...ALLOWED, ...DENIED], 'before');
    await arrival(each([...ALLOWED, ...DENIED], 'before'));
    put(spec(80));
    const numbers: string[] = [];
    await eventually(async () => {
      numbers.push(`number${numbers.length}`);
      await speak(ALLOWED, numbers.at(-1)!);
      expect(metrics.get('policy_cut_connections')).toBe(DENIED.length);
    });
    await speak(DENIED, 'denied');
    await speak(ALLOWED, 'last');
    // Packets take one path: what was sent before the last ones has arrived before them.
    const all = await arrival([...each(DENIED_TCP, 'ended'), ...each(ALLOWED, 'last')]);
    expect(all).toEqual(expect.arrayContaining(numbers.flatMap((text) => each(ALLOWED, text))));
    expect(all.filter((text) => text.endsWith(' denied'))).toEqual([]);
    expect(all.filter((text) => text.endsWith(' ended')).sort()).toEqual(each(DENIED_TCP, 'ended').sort());
    put(spec(80, 81));
    const passing: string[] = [];
    await eventually(async () => {
      await speak(DENIED_UDP, 'again');
      passing.push(...(await taken()));
      expect(passing).toEqual(expect.arrayContaining(each(DENIED_UDP, 'again')));
    });
  });

  test('keep lets established connections go on after a policy denies them', async () => {
    await start(undefined, ingress(80, 81));
    const before = metrics.get('policy_transactions');
    put(ingress(80));
    await eventually(() => expect(metrics.get('policy_transactions')).toBeGreaterThan(before));
    await speak(DENIED, 'kept');
    await arrival(each(DENIED, 'kept'));
    expect(metrics.get('policy_cut_connections')).toBe(0);
  });

  test('release() deletes the connections of the pod before it resolves, and no others', async () => {
    await start(undefined, ingress(80, 81));
    using conntrack = openConntrack();
    const own = { ipv4: addressesOf('x/b').ipv4, ipv6: addressesOf('x/b').ipv6 };
    const count = () =>
      flowsOf(conntrack, 'ipv4', new Set([own.ipv4])).length +
      flowsOf(conntrack, 'ipv6', new Set([own.ipv6])).length;
    await enforcer.claim({
      namespace: 'x',
      name: 'b',
      containerId: 'c1',
      addresses: Object.values(own),
    });
    expect(count()).toBeGreaterThanOrEqual(ALLOWED.length + DENIED.length);
    const insert = '-I -t 600 -p udp -s 10.0.0.3 -d 10.0.0.4 --sport 1000 --dport 53';
    execFileSync('conntrack', insert.split(' '));
    await enforcer.release('c1');
    expect(count()).toBe(0);
    expect(conntrack.flows('ipv4', ({ original }) => original.source === '10.0.0.3')).toHaveLength(1);
    await speak(DENIED, 'inherited');
    expect(await taken()).toEqual([]);
  });
});
