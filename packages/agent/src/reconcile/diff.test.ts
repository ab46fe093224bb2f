import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Action, describe as describeAction } from '../core/action.ts';
import type { KernelRoute, NodeInfo } from '../core/model.ts';
import { NodeIndex } from '../desired/node-index.ts';
import { desiredRoutes } from '../desired/route.ts';
import { hostFacts } from '../observe/facts.ts';
import { RouteTable } from '../observe/route-table.ts';
import { FakeKernel } from '../testing/fake-kernel.ts';
import { node } from '../testing/nodes.ts';
import { diffRoutes, diffSysctls } from './diff.ts';

/** Kernel routes that may exist before a pass: own and foreign, right and wrong. */
const leftover: fc.Arbitrary<KernelRoute> = fc
  .record({
    n: fc.integer({ min: 0, max: 6 }),
    hop: fc.integer({ min: 2, max: 6 }),
    protocol: fc.constantFrom(201, 201, 201, 4),
    priority: fc.constantFrom(0, 7),
  })
  .map(({ n, hop, protocol, priority }) => ({
    family: 'ipv4' as const,
    dst: `10.244.${n}.0/24`,
    via: `192.0.2.${hop}`,
    oif: 2,
    protocol,
    priority,
    type: 'unicast',
  }));

const someNode: fc.Arbitrary<NodeInfo> = fc
  .record({
    n: fc.integer({ min: 2, max: 6 }),
    cidr: fc.integer({ min: 0, max: 6 }),
    age: fc.integer({ min: 0, max: 59 }),
    ip: fc.integer({ min: 1, max: 6 }),
  })
  .map(({ n, cidr, age, ip }) =>
    node(n, {
      podCIDRs: [`10.244.${cidr}.0/24`],
      created: String(age),
      internalIPs: [`192.0.2.${ip}`, `2001:db8::${ip}`],
    }),
  );

test('diffRoutes() is empty after its actions, touches no foreign route, and leaves own routes only to nodes', () => {
  fc.assert(
    fc.property(
      fc.array(someNode, { maxLength: 8 }),
      fc.uniqueArray(leftover, { selector: (r) => `${r.dst} ${r.priority}` }),
      (nodes, left) => {
        const kernel = new FakeKernel();
        kernel.routes.push(...left);
        const foreign = JSON.stringify(kernel.routes.filter(({ protocol }) => protocol !== 201));
        const claims = new NodeIndex();
        for (const each of [node(1), ...nodes]) {
          claims.set(each);
        }
        const facts = hostFacts(kernel.dump());
        const decisions = desiredRoutes(claims, { nodeName: 'n1' }, facts);
        const next = () => diffRoutes(decisions, new RouteTable(kernel.dump().routes), true).actions;
        const order = { remove: 0, change: 1, add: 2 };
        expect(kernel.write(next().sort((a, b) => order[a.op] - order[b.op]))).toEqual([]);
        expect(next()).toEqual([]);
        expect(JSON.stringify(kernel.routes.filter(({ protocol }) => protocol !== 201))).toBe(foreign);
        for (const line of kernel.own()) {
          expect(decisions.get(line.split(' ')[0]!)?.route).toBeDefined();
        }
      },
    ),
  );
});

test('diffRoutes() keeps an unreachable route to each podCIDR of this node with the routed layout only', () => {
  const kernel = new FakeKernel();
  // The connected route of a bridge, and a route of an earlier version.
  const earlier = { family: 'ipv4', dst: '10.244.1.0/24', priority: 0, type: 'unicast' } as const;
  kernel.routes.push({ ...earlier, oif: 2, protocol: 'kernel' });
  kernel.routes.push({ ...earlier, via: '192.0.2.9', oif: 2, protocol: 201, priority: 7 });
  const claims = new NodeIndex();
  claims.set(node(1));
  claims.set(node(2));
  const pass = (layout: 'bridge' | 'routed'): string[] => {
    const decisions = desiredRoutes(claims, { nodeName: 'n1', layout }, hostFacts(kernel.dump()));
    const next = () => diffRoutes(decisions, new RouteTable(kernel.dump().routes), true);
    const { actions, problems } = next();
    expect(problems).toEqual([]);
    expect(kernel.write(actions)).toEqual([]);
    expect(next().actions).toEqual([]);
    return actions.map(describeAction).sort();
  };
  expect(pass('routed')).toEqual([
    '+ route 10.244.2.0/24 via 192.0.2.2 dev eth0',
    '+ route fd00:10:244:2::/64 via 2001:db8::2 dev eth0',
    '+ route unreachable 10.244.1.0/24',
    '+ route unreachable fd00:10:244:1::/64',
    '- route 10.244.1.0/24 via 192.0.2.9',
  ]);
  expect(pass('bridge')).toEqual([
    '- route unreachable 10.244.1.0/24',
    '- route unreachable fd00:10:244:1::/64',
  ]);
});

test('desiredRoutes() decides the same for every order of events', () => {
  fc.assert(
    fc.property(fc.array(someNode, { maxLength: 8 }), fc.infiniteStream(fc.nat()), (nodes, random) => {
      const latest = new Map(nodes.map((each) => [each.name, each]));
      const facts = hostFacts(new FakeKernel().dump());
      const byEvents = new NodeIndex();
      byEvents.set(node(1));
      for (const each of nodes) {
        byEvents.set(each);
      }
      const atOnce = new NodeIndex();
      const shuffled = [...latest.values()]
        .map((each) => ({ each, at: random.next().value }))
        .sort((a, b) => a.at - b.at);
      for (const { each } of shuffled) {
        atOnce.set(each);
      }
      atOnce.set(node(1));
      const routes = (claims: NodeIndex) =>
        [...desiredRoutes(claims, { nodeName: 'n1' }, facts)]
          .map(([dst, { route }]) => `${dst} ${route?.via}`)
          .sort();
      expect(routes(byEvents)).toEqual(routes(atOnce));
    }),
  );
});

describe('diffSysctls()', () => {
  const forward = { key: 'net/ipv4/ip_forward', value: '1', why: 'pods' };
  const ra = { key: 'net/ipv6/conf/eth0/accept_ra', value: '2', onlyIf: '1', why: 'routes' };
  test.each([
    ['sets what differs', { [forward.key]: '0' }, ['~ sysctl net/ipv4/ip_forward 0 -> 1 (pods)']],
    ['leaves what is right', { [forward.key]: '1' }, []],
    ['leaves what does not exist', {}, []],
    [
      'keeps router advertisements on',
      { [ra.key]: '1' },
      ['~ sysctl net/ipv6/conf/eth0/accept_ra 1 -> 2 (routes)'],
    ],
    ['does not turn them on', { [ra.key]: '0' }, []],
  ])('%s', (_, current, want) => {
    expect(diffSysctls([forward, ra], new Map(Object.entries(current))).map(describeAction)).toEqual(want);
  });
});

describe('describe()', () => {
  const route = { dst: '10.244.2.0/24', via: '192.0.2.2', oif: 2, dev: 'eth0' };
  const old: KernelRoute = {
    family: 'ipv4',
    dst: route.dst,
    via: '192.0.2.9',
    oif: 2,
    protocol: 201,
    priority: 0,
    type: 'unicast',
  };
  test.each<[Action, string]>([
    [{ kind: 'route', op: 'add', route }, '+ route 10.244.2.0/24 via 192.0.2.2 dev eth0'],
    [
      { kind: 'route', op: 'change', route, old },
      '~ route 10.244.2.0/24 via 192.0.2.2 dev eth0 (was via 192.0.2.9)',
    ],
    [{ kind: 'route', op: 'remove', old }, '- route 10.244.2.0/24 via 192.0.2.9'],
    [{ kind: 'rule', family: 'ipv4', line: '- nat -A X -j Y' }, '- rule ipv4 nat -A X -j Y'],
    [{ kind: 'file', op: 'add', path: '/a' }, '+ file /a'],
    [{ kind: 'file', op: 'change', path: '/a' }, '~ file /a'],
    [
      { kind: 'condition', node: 'n1', from: 'True' },
      '~ condition NetworkUnavailable of node n1 True -> False',
    ],
  ])('%j', (action, want) => {
    expect(describeAction(action)).toBe(want);
  });
});
