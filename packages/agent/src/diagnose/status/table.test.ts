import { expect, test } from 'vitest';
import { problem } from '../../core/problem.ts';
import { NodeIndex } from '../../desired/node-index.ts';
import { node } from '../../testing/nodes.ts';
import { statusRows } from './rows.ts';
import { statusText } from './table.ts';

const claims = new NodeIndex();
for (const n of [1, 2, 3, 10]) {
  claims.set(node(n, { podCIDRs: [`10.244.${n}.0/24`] }));
}
claims.set(node(4, { podCIDRs: ['10.244.4.0/24'], internalIPs: [] }));
const to = (n: number, dev = 'eth0') => ({ dst: `10.244.${n}.0/24`, via: `192.0.2.${n}`, oif: 2, dev });

const rows = statusRows({
  claims,
  nodeName: 'n1',
  wanted: new Map([to(2), to(3), to(10, 'cnikit-vx')].map((route) => [route.dst, route])),
  actions: [{ kind: 'route', op: 'add', route: to(3) }],
  problems: [problem('no-route', '10.244.4.0/24', 'No route to 10.244.4.0/24: no InternalIP')],
  tunnels: ['cnikit-vx'],
  neighbour: (address) => (address === '192.0.2.2' ? 'reachable' : 'unknown'),
  changed: new Map([['10.244.2.0/24', 1_000_000]]),
});

test('statusRows() returns a row for each pod network of other nodes, sorted by node name', () => {
  expect(rows.map(({ node: name, route, encap }) => [name, route, encap])).toEqual([
    ['n2', 'ok', 'direct'],
    ['n3', 'missing', 'direct'],
    ['n4', 'none', undefined],
    ['n10', 'ok', 'tunnel'],
  ]);
  expect(rows[0]).toMatchObject({ neighbour: 'reachable', changed: '1970-01-01T00:16:40.000Z' });
});

test('statusRows() reports a foreign route with the same destination', () => {
  const [row] = statusRows({
    claims,
    nodeName: 'n1',
    wanted: new Map([[to(2).dst, to(2)]]),
    actions: [],
    problems: [problem('foreign-route', '10.244.2.0/24', 'in the way')],
    tunnels: ['cnikit-vx'],
    neighbour: () => 'unknown',
    changed: new Map(),
  });
  expect(row).toMatchObject({ route: 'foreign', reason: 'in the way' });
});

test('statusText() prints a summary of this node and a table of the others', () => {
  const report = {
    node: { name: 'n1', podCIDRs: ['10.244.1.0/24'], internalIPs: ['192.0.2.1'] },
    source: 'api' as const,
    pods: { bridge: 1, routed: 2 },
    rows,
    agent: { version: '1', ready: true, problems: [], changed: {} },
  };
  const lines = statusText(report, 1_150_000).split('\n');
  expect(lines.slice(0, 5)).toEqual([
    'Node n1: podCIDR 10.244.1.0/24, InternalIP 192.0.2.1',
    'Agent: ready',
    'Nodes: from the API; 4 pod networks, 2 not routed correctly',
    'Pods: 2 routed, 1 on cni0',
    '',
  ]);
  expect(lines.slice(5, 10).map((line) => line.split(/ {2,}/))).toEqual([
    ['NODE', 'POD CIDR', 'INTERNAL IP', 'ROUTE', 'VIA', 'ENCAP', 'NEIGHBOUR', 'CHANGED'],
    ['n2', '10.244.2.0/24', '192.0.2.2', 'ok', '192.0.2.2 dev eth0', 'direct', 'reachable', '2m'],
    ['n3', '10.244.3.0/24', '192.0.2.3', 'missing', '192.0.2.3 dev eth0', 'direct', 'unknown', '-'],
    ['n4', '10.244.4.0/24', '-', 'none', '-', '-', 'unknown', '-'],
    ['n10', '10.244.10.0/24', '192.0.2.10', 'ok', '192.0.2.10 dev cnikit-vx', 'tunnel', 'unknown', '-'],
  ]);
  for (const column of ['POD CIDR', 'ROUTE', 'NEIGHBOUR']) {
    for (const line of lines.slice(6, 10)) {
      expect(line[lines[5]!.indexOf(column) - 1]).toBe(' ');
    }
  }
  expect(lines.slice(10)).toEqual(['', '! No route to 10.244.4.0/24: no InternalIP', '']);
  expect(statusText({ ...report, rows: rows.slice(0, 1) }, 0)).toContain('API; 1 pod network, all routed\n');
  const offline = statusText({ node: report.node, source: 'saved', rows: [] }, 0);
  expect(offline).toContain(
    'Agent: not running, or not answering on --health-address\nNodes: from the saved state',
  );
});
