import { afterEach, describe, expect, test } from 'vitest';
import { describe as describeAction, type KernelAction } from '../core/action.ts';
import type { NodeInfo } from '../core/model.ts';
import { fakeAgent } from '../testing/fake-agent.ts';
import { node } from '../testing/nodes.ts';

const NODES = 5000;

const large = (n: number, changes: Partial<NodeInfo> = {}): NodeInfo =>
  node(n, {
    podCIDRs: [`10.${n >> 8}.${n & 255}.0/24`, `fd00:10:244:${n.toString(16)}::/64`],
    internalIPs: [`172.16.${n >> 8}.${n & 255}`, `2001:db8::${n.toString(16)}`],
    ...changes,
  });

/** An agent that has synced, and what it asks of the kernel from then on. */
function synced() {
  const all = fakeAgent();
  const { agent, kernel, clock, order } = all;
  kernel.addresses = [
    { index: 2, address: '172.16.0.1/16' },
    { index: 2, address: '2001:db8::1/64' },
  ];
  kernel.routes[1]!.dst = '172.16.0.0/16';
  const written: KernelAction[] = [];
  const write = kernel.write;
  kernel.write = (actions) => {
    written.push(...actions);
    return write(actions);
  };
  agent.setNodes(Array.from({ length: NODES }, (_, i) => large(i + 1)));
  expect(written).toHaveLength(2 * NODES);
  /** The calls of the kernel that `cause` leads to, until nothing is left to do before the next complete pass. */
  const callsOf = (cause: () => void): { dumps: number; writes: string[]; others: string[] } => {
    written.length = 0;
    order.length = 0;
    const { dumps } = kernel;
    cause();
    clock.advance(5000);
    const writes = written.map((action) => describeAction(action).replace(/ dev .*/, ''));
    return { dumps: kernel.dumps - dumps, writes, others: order.filter((step) => step !== 'routes') };
  };
  return { ...all, callsOf };
}

describe(`among ${NODES} nodes an event costs no dump, and the writes of its own node only:`, () => {
  const { agent, kernel, clock, callsOf } = synced();

  // Each test starts from the same nodes.
  afterEach(() => {
    agent.putNode(large(77));
    agent.putNode(large(4000));
    agent.deleteNode(`n${NODES + 1}`);
    clock.advance(5000);
  });

  test('Agent.putNode() writes nothing for a heartbeat of every node', () => {
    const calls = callsOf(() => {
      for (let n = 1; n <= NODES; n++) {
        agent.putNode(large(n));
      }
    });
    expect(calls).toEqual({ dumps: 0, writes: [], others: [] });
  });

  test('Agent.putNode() writes only the routes of a node whose InternalIP changes', () => {
    const moved = large(77, { internalIPs: ['172.16.99.99', '2001:db8::4d'] });
    expect(callsOf(() => agent.putNode(moved))).toEqual({
      dumps: 0,
      writes: ['~ route 10.0.77.0/24 via 172.16.99.99'],
      others: [],
    });
  });

  test('Agent.deleteNode() and putNode() write only the routes of that node', () => {
    expect(callsOf(() => agent.deleteNode('n4000'))).toMatchObject({
      dumps: 0,
      writes: ['- route 10.15.160.0/24 via 172.16.15.160', '- route fd00:10:244:fa0::/64 via 2001:db8::fa0'],
    });
    expect(callsOf(() => agent.putNode(large(NODES + 1)))).toMatchObject({
      dumps: 0,
      writes: [
        '+ route 10.19.137.0/24 via 172.16.19.137',
        '+ route fd00:10:244:1389::/64 via 2001:db8::1389',
      ],
    });
  });

  test('Agent.onKernel() writes only the route that another program deleted', () => {
    const route = kernel.routes.find(({ dst }) => dst === '10.1.0.0/24')!;
    kernel.routes = kernel.routes.filter((have) => have !== route);
    expect(callsOf(() => agent.onKernel({ type: 'route', op: 'del', route }))).toEqual({
      dumps: 0,
      writes: ['+ route 10.1.0.0/24 via 172.16.1.0'],
      others: [],
    });
  });

  test('Agent.resync() dumps once and writes nothing while nothing differs', () => {
    expect(callsOf(() => clock.advance(60_000))).toEqual({ dumps: 1, writes: [], others: [] });
  });
});
