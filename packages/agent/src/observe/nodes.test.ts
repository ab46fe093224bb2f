import { Readable } from 'node:stream';
import type { Transport } from '@cnikit/watch';
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
