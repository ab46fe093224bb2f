import { Readable } from 'node:stream';
import { startApiServer } from '@cnikit/apiserver-fake';
import { httpTransport, type Transport } from '@cnikit/watch';
import { describe, expect, test } from 'vitest';
import { Metrics } from '../core/metrics.ts';
import { FakeClock } from '../testing/fake-agent.ts';
import { node } from '../testing/nodes.ts';
import { selectNode } from './node.ts';
import { followNodes, type NodeChanges, Outage, watchNodes } from './nodes.ts';

function outage() {
  const lines: string[] = [];
  const log = {
    info: (_: object, text: string) => void lines.push(text),
    warn: (_: object, text: string) => void lines.push(text),
  };
  const clock = new FakeClock();
  const metrics = new Metrics();
  return { lines, clock, metrics, outage: new Outage(log, metrics, clock.after) };
}

describe('Outage', () => {
  test('flannel-io/flannel#1134: Outage logs at once, then at growing intervals, and logs the end', () => {
    const { lines, clock, metrics, outage: away } = outage();
    away.begin(1_000_000, new Error('ECONNREFUSED'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/does not answer .*ECONNREFUSED.* stays in place/);
    expect(metrics.text(1_003_000)).toContain('\ncnikit_agent_api_staleness_seconds 3\n');
    clock.advance(3_600_000);
    expect(lines).toHaveLength(1 + 5);
    away.end();
    clock.advance(36_000_000);
    expect(lines).toHaveLength(7);
    expect(metrics.text()).toContain('\ncnikit_agent_api_staleness_seconds 0\n');
  });

  test('Outage logs at most one line an hour in the end', () => {
    const { lines, clock, outage: away } = outage();
    away.begin(0, new Error('x'));
    clock.advance(24 * 3_600_000);
    expect(lines.length).toBeLessThan(32);
    away.close();
    clock.advance(24 * 3_600_000);
    expect(lines.length).toBeLessThan(32);
  });
});

test('followNodes() calls the consumer for each kind of change', async () => {
  const calls: unknown[] = [];
  const { outage: away } = outage();
  async function* changes(): NodeChanges {
    yield { type: 'synced', objects: new Map([['n1', node(1)]]) };
    yield { type: 'added', name: 'n2', object: node(2) };
    yield { type: 'modified', name: 'n2', object: node(2, { uid: 'x' }) };
    yield { type: 'deleted', name: 'n2', object: node(2) };
  }
  await followNodes(
    changes(),
    {
      setNodes: (nodes) => void calls.push(['set', [...nodes].map(({ name }) => name)]),
      putNode: ({ name, uid }) => void calls.push(['put', name, uid]),
      deleteNode: (name) => void calls.push(['delete', name]),
    },
    away,
  );
  expect(calls).toEqual([
    ['set', ['n1']],
    ['put', 'n2', 'uid-2'],
    ['put', 'n2', 'x'],
    ['delete', 'n2'],
  ]);
});

test('watchNodes() requests every field that selectNode() reads', async () => {
  const whole = {
    metadata: { name: 'n1', uid: 'u1', resourceVersion: '5', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { podCIDR: '10.1.0.0/24', podCIDRs: ['10.1.0.0/24', 'x'], taints: [{ key: 'k', effect: 'e' }] },
    status: {
      addresses: [{ type: 'InternalIP', address: '192.0.2.1' }],
      conditions: [{ type: 'NetworkUnavailable', status: 'True', reason: 'r' }],
    },
  };
  const external = [{ type: 'ExternalIP', address: '198.51.100.1' }];
  const nodes = [
    whole,
    {
      metadata: { ...whole.metadata, name: 'n2' },
      spec: { podCIDR: '10.2.0.0/24' },
      status: { addresses: external },
    },
    {
      metadata: { ...whole.metadata, name: 'n3' },
      spec: [],
      status: { addresses: [null, [1]], conditions: 'x' },
    },
  ];
  const body = JSON.stringify({ metadata: { resourceVersion: '5' }, items: nodes });
  const transport: Transport = {
    get: async () => ({ status: 200, body: Readable.from([Buffer.from(body)]), close: () => undefined }),
  };
  const changes = watchNodes({ transport }, new Metrics(), new AbortController().signal);
  const { value } = await changes[Symbol.asyncIterator]().next();
  expect([...value.objects.values()]).toEqual(nodes.map(selectNode));
});

test('watchNodes() reads the same Nodes from protobuf as from JSON', async () => {
  const condition = { type: 'NetworkUnavailable', status: 'True', reason: 'r' };
  const taints = [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }, { key: 'own' }];
  const addresses = ['192.0.2.1', '2001:db8::1'].map((address) => ({ type: 'InternalIP', address }));
  const podCIDRs = ['10.1.0.0/24', 'fd00::/64'];
  await using server = Object.assign(
    await startApiServer({
      nodes: [
        {
          metadata: { name: 'n1', creationTimestamp: '2026-01-01T00:00:00Z', labels: { a: 'b' } },
          spec: { podCIDR: podCIDRs[0], podCIDRs, taints },
          status: { addresses, conditions: [{ type: 'Ready', status: 'False' }, condition] },
        },
        { metadata: { name: 'n2' } },
        { metadata: { name: 'n3' }, spec: { podCIDR: 'x' }, status: { addresses: [{ type: 'ExternalIP' }] } },
      ],
    }),
    { [Symbol.asyncDispose]: () => server.close() },
  );
  const { url, caCert, token } = server;
  const http = httpTransport({
    getCurrentCluster: () => ({ server: url }),
    getCurrentUser: () => null,
    applyToHTTPSOptions: async (options) =>
      void Object.assign(options, { ca: caCert, headers: { Authorization: `Bearer ${token}` } }),
  });
  const read = async (accept: object): Promise<[type: string | undefined, nodes: unknown]> => {
    const stop = new AbortController();
    let type: string | undefined;
    const transport: Transport = {
      get: async (path, signal, options) => {
        const answer = await http.get(path, signal, { ...options, ...accept });
        type = answer.contentType;
        return answer;
      },
    };
    const changes = watchNodes({ transport }, new Metrics(), stop.signal);
    const { value } = await changes[Symbol.asyncIterator]().next();
    stop.abort();
    return [type, [...value.objects.values()]];
  };
  const fromProtobuf = await read({});
  const fromJson = await read({ accept: 'application/json' });
  expect([fromProtobuf[0], fromJson[0]]).toEqual(['application/vnd.kubernetes.protobuf', 'application/json']);
  expect(fromProtobuf[1]).toEqual(fromJson[1]);
});
