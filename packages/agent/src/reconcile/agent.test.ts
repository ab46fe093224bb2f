import { describe, expect, test } from 'vitest';
import type { Chain, KernelRoute } from '../core/model.ts';
import { type Problem, problem } from '../core/problem.ts';
import { fakeAgent } from '../testing/fake-agent.ts';
import { node } from '../testing/nodes.ts';
import { asKernelRoute } from './diff.ts';

const three = [node(1), node(2), node(3)];
const routesTo = (...numbers: number[]): string[] =>
  numbers
    .flatMap((n) => [
      `10.244.${n}.0/24 via 192.0.2.${n}`,
      `fd00:10:244:${n.toString(16)}::/64 via 2001:db8::${n.toString(16)}`,
    ])
    .sort();

function started(...args: Parameters<typeof fakeAgent>) {
  const all = fakeAgent(...args);
  all.agent.setNodes(three);
  return all;
}

/** The kernel's event for a route that another program deleted. */
function deleteRoute(kernel: ReturnType<typeof fakeAgent>['kernel'], dst: string): KernelRoute {
  const route = kernel.routes.find((have) => have.dst === dst)!;
  kernel.routes = kernel.routes.filter((have) => have !== route);
  return route;
}

describe('Agent.setNodes()', () => {
  test('Agent.setNodes() adds routes to every other node in one write, each family through its own InternalIP', () => {
    const { kernel } = started();
    expect(kernel.own()).toEqual(routesTo(2, 3));
    const unreachable = kernel.routes.filter(({ type }) => type === 'unreachable');
    expect(unreachable.map(({ dst }) => dst)).toEqual(node(1).podCIDRs);
    expect(kernel.writes).toBe(1);
  });

  test('flannel-io/flannel#2437: Agent.setNodes() writes the conflist last, after routes and rules', () => {
    const { order, agent } = started();
    expect(order).toEqual(['routes', 'rules', 'conflist']);
    expect(agent.ready).toBe(true);
  });

  test('flannel-io/flannel#2554: Agent.setNodes() removes routes to nodes that were deleted while the agent was down', () => {
    const { agent, kernel } = fakeAgent();
    kernel.routes.push(asKernelRoute({ dst: '10.244.9.0/24', via: '192.0.2.9', oif: 2, dev: 'eth0' }));
    agent.setNodes(three);
    expect(kernel.own()).toEqual(routesTo(2, 3));
  });

  test('Agent.setNodes() removes no node when the list lacks this node', () => {
    const { agent, kernel, lines } = started();
    agent.setNodes([]);
    expect(kernel.own()).toEqual(routesTo(2, 3));
    expect(lines.at(-1)).toMatch(/warning: Node n1 does not exist in the API/);
  });

  test('Agent.setNodes() waits for the podCIDR of this node, and logs it once', () => {
    const { agent, state, lines } = fakeAgent();
    agent.setNodes([node(1, { podCIDRs: [] }), node(2)]);
    agent.resync();
    expect(state.conflist).toBeUndefined();
    expect(lines.filter((line) => /has no podCIDR: waiting/.test(line))).toHaveLength(1);
    agent.putNode(node(1));
    expect(state.conflist).toContain('10.244.1.0/24');
    expect(lines).toContain('Resolved: own-node n1');
  });
});

describe('Agent and node events', () => {
  test('Agent.putNode() costs one write and no dump', () => {
    const { agent, kernel, clock } = started();
    const { dumps, writes } = kernel;
    agent.putNode(node(4));
    clock.advance(0);
    expect(kernel.own()).toEqual(routesTo(2, 3, 4));
    expect([kernel.dumps - dumps, kernel.writes - writes]).toEqual([0, 1]);
  });

  test('Agent.deleteNode() removes the routes to a node', () => {
    const { agent, kernel, clock } = started();
    agent.deleteNode('n2');
    clock.advance(0);
    expect(kernel.own()).toEqual(routesTo(3));
  });

  test('rancher/rke2#11170: Agent.putNode() replaces the route when the podCIDR changes', () => {
    const { agent, kernel, clock } = started();
    agent.putNode(node(2, { podCIDRs: ['10.244.77.0/24'] }));
    clock.advance(0);
    expect(kernel.own()).toEqual([...routesTo(3), '10.244.77.0/24 via 192.0.2.2'].sort());
  });

  test('kubernetes/kubernetes#98359, kubernetes-sigs/kind PR#2941: Agent.putNode() replaces the gateway when the InternalIP changes', () => {
    const { agent, kernel, clock } = started();
    agent.putNode(node(2, { internalIPs: ['192.0.2.200', '2001:db8::2'] }));
    clock.advance(0);
    expect(kernel.own()).toContain('10.244.2.0/24 via 192.0.2.200');
    expect(kernel.own()).toHaveLength(4);
  });

  test('Agent.putNode() replaces a node that was recreated under the same name', () => {
    const { agent, kernel, clock } = started();
    agent.putNode(node(2, { uid: 'other', podCIDRs: ['10.244.8.0/24'], internalIPs: ['192.0.2.8'] }));
    clock.advance(0);
    expect(kernel.own()).toEqual([...routesTo(3), '10.244.8.0/24 via 192.0.2.8'].sort());
  });

  test('Agent gives a podCIDR of two nodes to the older one, and to the other after its deletion', () => {
    const { agent, kernel, clock, lines } = started();
    agent.putNode(node(4, { podCIDRs: ['10.244.2.0/24'] }));
    clock.advance(0);
    expect(kernel.own()).toEqual(routesTo(2, 3));
    expect(lines.join('\n')).toMatch(/claimed by n2 and by n4; the oldest, n2/);
    agent.deleteNode('n2');
    clock.advance(0);
    expect(kernel.own()).toContain('10.244.2.0/24 via 192.0.2.4');
    expect(lines).toContain('Resolved: claim 10.244.2.0/24');
  });

  test('Agent routes the older of two overlapping podCIDRs, and the other after its deletion', () => {
    const { agent, kernel, clock, lines } = started();
    agent.putNode(node(4, { podCIDRs: ['10.244.2.0/25'] }));
    clock.advance(0);
    expect(kernel.own()).toEqual(routesTo(2, 3));
    expect(lines.join('\n')).toMatch(
      /No route to 10.244.2.0\/25 of node n4: it overlaps podCIDR 10.244.2.0\/24 of node n2, which is older/,
    );
    agent.deleteNode('n2');
    clock.advance(0);
    expect(kernel.own()).toEqual([...routesTo(3), '10.244.2.0/25 via 192.0.2.4'].sort());
  });

  test('Agent routes to single-stack and dual-stack nodes', () => {
    const { agent, kernel, clock } = started();
    agent.putNode(node(4, { podCIDRs: ['10.244.4.0/24'], internalIPs: ['192.0.2.4'] }));
    agent.putNode(node(5, { podCIDRs: ['fd00:10:244:5::/64'], internalIPs: ['2001:db8::5'] }));
    clock.advance(0);
    expect(kernel.own()).toEqual(
      [...routesTo(2, 3), '10.244.4.0/24 via 192.0.2.4', 'fd00:10:244:5::/64 via 2001:db8::5'].sort(),
    );
  });

  test('Agent routes a reused podCIDR to its new node', () => {
    const { agent, kernel, clock } = started();
    agent.deleteNode('n2');
    agent.putNode(node(7, { podCIDRs: node(2).podCIDRs }));
    clock.advance(0);
    expect(kernel.own()).toEqual(
      [...routesTo(3), '10.244.2.0/24 via 192.0.2.7', 'fd00:10:244:2::/64 via 2001:db8::7'].sort(),
    );
  });

  test('Agent takes the MTU of the routes to nodes, and follows it', () => {
    const { agent, kernel, clock, state } = started();
    const mtu = () => /"mtu": (\d+)/.exec(state.conflist!)?.[1];
    expect(mtu()).toBe('1500');
    kernel.links.push({ index: 3, name: 'eth1', mtu: 1400, up: true });
    const connected = kernel.routes.find(({ dst }) => dst === '192.0.2.0/24')!;
    kernel.routes.push({ ...connected, dst: '198.51.100.0/24', oif: 3 });
    agent.onKernel({ type: 'route', op: 'new', route: kernel.routes.at(-1)! });
    clock.advance(50);
    expect(mtu()).toBe('1500');
    agent.putNode(node(4, { internalIPs: ['198.51.100.4', '2001:db8::4'] }));
    clock.advance(50);
    expect(mtu()).toBe('1400');
    kernel.links.at(-1)!.mtu = 1380;
    agent.onKernel({ type: 'link', index: 3 });
    clock.advance(50);
    expect(mtu()).toBe('1380');
    agent.deleteNode('n4');
    clock.advance(50);
    expect(mtu()).toBe('1500');
  });

  test('Agent limits the MTU of pods and tunnels by --mtu', () => {
    const { agent, kernel, clock, state } = started({}, { mtu: 1400 });
    agent.putNode(node(2, { internalIPs: ['198.51.100.2'] }));
    clock.advance(50);
    expect(state.conflist).toContain('"mtu": 1400');
    expect(kernel.links.find(({ name }) => name === 'cnikit-vx')?.mtu).toBe(1400);
  });

  test('Agent keeps the tunnel to a node exactly while the node is off-link', () => {
    const { agent, kernel, clock, state } = started();
    agent.putNode(node(2, { internalIPs: ['198.51.100.2'] }));
    clock.advance(0);
    const tunnel = kernel.links.find(({ name }) => name === 'cnikit-vx')!;
    expect(kernel.routes.filter(({ oif }) => oif === tunnel.index).map(({ dst }) => dst)).toEqual([
      '10.244.2.0/24',
      'fd00:10:244:2::/64',
    ]);
    expect(kernel.neighbours.map(({ address }) => address)).toEqual(
      expect.arrayContaining(['198.51.100.2', '10.244.2.0']),
    );
    expect(state.conflist).toContain('"mtu": 1450');
    agent.putNode(node(2));
    clock.advance(0);
    expect(kernel.own()).toEqual(routesTo(2, 3));
    expect(kernel.links).toHaveLength(2);
    expect(state.conflist).toContain('"mtu": 1500');
  });

  test('Agent removes no route when the API server lost its data, in any order of events', () => {
    const { agent, kernel, clock } = started();
    for (const name of ['n2', 'n1', 'n3']) {
      agent.deleteNode(name);
    }
    clock.advance(1000);
    expect(kernel.own()).toEqual(routesTo(2, 3));
    agent.putNode(node(3));
    agent.putNode(node(1));
    clock.advance(1000);
    expect(kernel.own()).toEqual(routesTo(3));
  });

  test('Agent keeps the data path while this node is missing from the API, and continues when it is back', () => {
    const { agent, kernel, clock, state } = started();
    agent.deleteNode('n1');
    agent.putNode(node(5));
    clock.advance(0);
    expect(kernel.own()).toEqual(routesTo(2, 3, 5));
    agent.putNode(node(1, { uid: 'again', podCIDRs: ['10.244.99.0/24'] }));
    expect(state.conflist).toContain('10.244.99.0/24');
  });

  test('aojea/kindnet#46, liqotech/liqo#1091: Agent retries a route that the kernel refuses, without harm to other routes', () => {
    const { agent, kernel, clock, lines } = fakeAgent();
    kernel.unreachable.add('192.0.2.2');
    agent.setNodes(three);
    expect(kernel.own()).toHaveLength(3);
    expect(agent.ready).toBe(true);
    expect(lines.join('\n')).toMatch(/The kernel refused route 10.244.2.0\/24 via 192.0.2.2/);
    kernel.unreachable.clear();
    clock.advance(1000);
    expect(kernel.own()).toEqual(routesTo(2, 3));
  });

  test('Agent handles a burst of nodes in one pass over the rules, and a second one soon after', () => {
    const { agent, clock, order } = started();
    order.length = 0;
    agent.putNode(node(4));
    clock.advance(0);
    for (let n = 10; n < 40; n++) {
      agent.putNode(node(n));
      clock.advance(1);
    }
    expect(order.filter((what) => what === 'rules')).toHaveLength(1);
    clock.advance(1000);
    expect(order.filter((what) => what === 'rules')).toHaveLength(2);
  });

  test('Agent.putNode() writes and logs nothing for heartbeats', () => {
    const { agent, kernel, clock, lines } = started();
    const before = [kernel.writes, kernel.dumps, lines.length];
    for (let beat = 0; beat < 100; beat++) {
      agent.putNode(node(2));
    }
    clock.advance(1000);
    expect([kernel.writes, kernel.dumps, lines.length]).toEqual(before);
  });
});

describe('Agent and kernel events', () => {
  test('flannel-io/flannel#801, systemd/systemd#25451: Agent.onKernel() restores a deleted route at once, without a dump', () => {
    const { agent, kernel, clock } = started();
    const { dumps } = kernel;
    agent.onKernel({ type: 'route', op: 'del', route: deleteRoute(kernel, '10.244.2.0/24') });
    clock.advance(0);
    expect(kernel.own()).toEqual(routesTo(2, 3));
    expect(kernel.dumps).toBe(dumps);
  });

  test('Agent.onKernel() tolerates a late event of a route that is already restored', () => {
    const { agent, kernel, clock, lines } = started();
    const late = kernel.routes.find(({ dst }) => dst === '10.244.2.0/24')!;
    agent.onKernel({ type: 'route', op: 'del', route: late });
    clock.advance(1000);
    expect(kernel.own()).toEqual(routesTo(2, 3));
    expect(lines.join('\n')).not.toContain('refused');
  });

  test('Agent.onKernel() does nothing for the echo of its own write', () => {
    const { agent, kernel, clock } = started();
    const { writes } = kernel;
    for (const route of kernel.routes) {
      if (route.protocol === 201) {
        agent.onKernel({ type: 'route', op: 'new', route });
      }
    }
    clock.advance(1000);
    expect(kernel.writes).toBe(writes);
  });

  test('Agent.onKernel() repairs a route that was changed under its protocol', () => {
    const { agent, kernel, clock } = started();
    const changed = { ...deleteRoute(kernel, '10.244.2.0/24'), via: '192.0.2.77' };
    kernel.routes.push(changed);
    agent.onKernel({ type: 'route', op: 'new', route: changed });
    clock.advance(0);
    expect(kernel.own()).toEqual(routesTo(2, 3));
  });

  test('Agent.onKernel() dumps the kernel after lost events', () => {
    const { agent, kernel, clock, metrics } = started();
    deleteRoute(kernel, '10.244.3.0/24');
    agent.onKernel({ type: 'overflow' });
    clock.advance(50);
    expect(kernel.own()).toEqual(routesTo(2, 3));
    expect(metrics.get('kernel_overflows')).toBe(1);
  });

  test('Agent reports a conflicting foreign route, leaves it alone, and adds its own after its removal', () => {
    const { agent, kernel, clock, lines } = fakeAgent();
    const foreign: KernelRoute = {
      family: 'ipv4',
      dst: '10.244.2.0/24',
      via: '192.0.2.50',
      oif: 2,
      protocol: 'static',
      priority: 0,
      type: 'unicast',
    };
    kernel.routes.push(foreign);
    agent.setNodes(three);
    expect(kernel.own()).toHaveLength(3);
    expect(kernel.routes).toContain(foreign);
    expect(lines.join('\n')).toMatch(/foreign route conflicts with 10.244.2.0\/24 via 192.0.2.2/);
    kernel.routes = kernel.routes.filter((route) => route !== foreign);
    agent.onKernel({ type: 'route', op: 'del', route: foreign });
    clock.advance(50);
    expect(kernel.own()).toEqual(routesTo(2, 3));
    expect(lines).toContain('Resolved: foreign-route 10.244.2.0/24');
  });

  /** Moves the default route to a new link, eth1, with a smaller MTU. */
  function moveDefaultRoute({ agent, kernel, clock }: ReturnType<typeof started>): void {
    kernel.links.push({ index: 3, name: 'eth1', mtu: 1400, up: true });
    const old = kernel.routes.find(({ dst }) => dst === '0.0.0.0/0')!;
    kernel.routes.push({ ...old, oif: 3, priority: 0 });
    kernel.routes = kernel.routes.filter((route) => route !== old);
    agent.onKernel({ type: 'route', op: 'del', route: old });
    clock.advance(50);
  }

  test('Agent masquerades on the new egress interface with --masquerade=egress when the default route changes', () => {
    const node = started({}, { masquerade: 'egress' });
    moveDefaultRoute(node);
    expect(node.state.rules).toContain('eth1');
  });

  test('Agent follows the egress interface when the default route changes', () => {
    const node = started();
    moveDefaultRoute(node);
    expect(node.state.rules).not.toContain('eth0');
    expect(node.state.conflist).toContain('1400');
  });

  test('Agent.onKernel() ignores the links of pods', () => {
    const { agent, kernel, clock } = started();
    const { dumps } = kernel;
    agent.onKernel({ type: 'link', index: 77 });
    agent.onKernel({ type: 'address', index: 77, address: 'fe80::1/64' });
    clock.advance(1000);
    expect(kernel.dumps).toBe(dumps);
  });
});

describe('Agent idle and in trouble', () => {
  test('Agent.resync() writes and logs nothing while nothing differs', () => {
    const { kernel, clock, lines, order } = started();
    const before = [kernel.writes, lines.length, order.length];
    clock.advance(3_600_000);
    expect([kernel.writes, lines.length, order.length]).toEqual(before);
    expect(kernel.dumps).toBeGreaterThan(50);
  });

  test('Agent does not make a new node Ready without its rules, logs why once, and does when they work', () => {
    const all = fakeAgent();
    all.state.rulesError = new Error('iptables-nft-save was not found');
    all.agent.setNodes(three);
    all.clock.advance(10_000);
    expect(all.agent.ready).toBe(false);
    expect(all.state.conflist).toBeUndefined();
    expect(all.lines.filter((line) => /was not found/.test(line))).toHaveLength(1);
    all.state.rulesError = undefined;
    all.clock.advance(60_000);
    expect(all.agent.ready).toBe(true);
  });

  test('Agent retries at growing intervals while the kernel cannot be read', () => {
    const { agent, kernel, clock, lines } = fakeAgent();
    const { dump } = kernel;
    let tries = 0;
    kernel.dump = () => {
      tries++;
      throw new Error('ENOBUFS');
    };
    agent.setNodes(three);
    clock.advance(31_000);
    expect(tries).toBe(6);
    expect(lines.filter((line) => /ENOBUFS/.test(line))).toHaveLength(1);
    kernel.dump = dump;
    clock.advance(60_000);
    expect(kernel.own()).toEqual(routesTo(2, 3));
  });

  test('Agent.close() leaves everything in place and stops all passes', () => {
    const { agent, kernel, clock } = started();
    agent.close();
    agent.onKernel({ type: 'route', op: 'del', route: deleteRoute(kernel, '10.244.2.0/24') });
    agent.resync();
    clock.advance(600_000);
    expect(kernel.own()).toHaveLength(3);
  });
});

describe('kubernetes/kubernetes#120486: condition NetworkUnavailable', () => {
  test('Agent sets NetworkUnavailable to False once the data path is programmed, and again when another program sets it', async () => {
    const asked: string[] = [];
    const { agent, lines } = fakeAgent({ clearNetworkUnavailable: async (name) => void asked.push(name) });
    agent.setNodes([node(1, { networkUnavailable: 'True' }), node(2)]);
    await Promise.resolve();
    await Promise.resolve();
    expect(asked).toEqual(['n1']);
    expect(lines).toContain('~ condition NetworkUnavailable of node n1 True -> False');
    agent.putNode(node(1, { networkUnavailable: 'False' }));
    expect(asked).toEqual(['n1']);
    agent.putNode(node(1, { networkUnavailable: 'True' }));
    expect(asked).toEqual(['n1', 'n1']);
  });

  test('Agent sets NetworkUnavailable to False only after the self-test of the routes passes', () => {
    const asked: string[] = [];
    let problems: Problem[] = [problem('self-test', '', 'astray')];
    const tested: string[][] = [];
    const { agent, clock } = fakeAgent({
      clearNetworkUnavailable: async (name) => void asked.push(name),
      selfTest: ({ routes }) => {
        tested.push([...routes.keys()]);
        return problems;
      },
    });
    agent.setNodes(three);
    expect(agent.ready).toBe(true);
    expect(asked).toEqual([]);
    expect([...agent.problems]).toContainEqual(problems[0]);
    expect(tested[0]!.sort()).toEqual([
      '10.244.2.0/24',
      '10.244.3.0/24',
      'fd00:10:244:2::/64',
      'fd00:10:244:3::/64',
    ]);
    problems = [];
    clock.advance(60_000);
    expect(asked).toEqual(['n1']);
  });
});

test('Agent removes the readiness taint once the data path is programmed, and whenever it returns', async () => {
  const asked: string[] = [];
  const readinessTaint = {
    key: 'cnikit.io/not-ready',
    remove: async (name: string) => void asked.push(name),
  };
  const all = fakeAgent({ readinessTaint });
  all.state.rulesError = new Error('no iptables');
  const tainted = node(1, { taints: ['other', 'cnikit.io/not-ready'] });
  all.agent.setNodes([tainted, node(2)]);
  expect(asked).toEqual([]);
  all.state.rulesError = undefined;
  all.clock.advance(60_000);
  expect(asked).toEqual(['n1']);
  await Promise.resolve();
  await Promise.resolve();
  expect(all.lines).toContain('- taint cnikit.io/not-ready of node n1');
  all.agent.putNode(node(1, { taints: ['other'] }));
  expect(asked).toHaveLength(1);
  all.agent.putNode(tainted);
  expect(asked).toHaveLength(2);
});

test('Agent calls onRepair() for a file that another program damaged, not for its own changes', () => {
  const repaired: string[] = [];
  const { agent, clock, state } = started({ onRepair: (path) => void repaired.push(path) });
  agent.putNode(node(1, { podCIDRs: ['10.244.1.0/24'] }));
  expect(repaired).toEqual([]);
  state.conflist = 'damaged';
  agent.checkFiles();
  clock.advance(1000);
  expect(repaired).toEqual(['conflist']);
});

test('Agent calls onPass() after each pass', () => {
  const seen: boolean[] = [];
  const { agent } = fakeAgent({ onPass: () => void seen.push(agent.ready) });
  agent.setNodes([node(2)]);
  agent.setNodes(three);
  expect(seen).toEqual([false, true]);
});

describe('the plugins that are chained', () => {
  test('Agent writes the chained plugins to the conflist, and follows their changes', () => {
    let chain: Chain = { plugins: [{ type: 'tuning' }], problems: [] };
    const { agent, clock, state } = fakeAgent({ chain: () => chain });
    agent.setNodes(three);
    const types = (): string[] =>
      JSON.parse(state.conflist!).plugins.map(({ type }: { type: string }) => type);
    expect(types()).toEqual(['cnikit', 'tuning']);
    chain = { plugins: [{ type: 'other' }], problems: [] };
    agent.checkFiles();
    clock.advance(50);
    expect(types()).toEqual(['cnikit', 'other']);
  });

  test('Agent writes no conflist while the chained plugins are unknown', () => {
    let chain: Chain = { problems: [problem('chain', '', 'broken')] };
    const { agent, clock, state } = fakeAgent({ chain: () => chain });
    agent.setNodes(three);
    expect([agent.ready, state.conflist]).toEqual([false, undefined]);
    expect([...agent.problems]).toContainEqual(problem('chain', '', 'broken'));
    chain = { plugins: [], problems: [] };
    clock.advance(60_000);
    expect(agent.ready).toBe(true);
  });
});

test('Agent repairs a route that another program keeps deleting ever more slowly, and other changes at once', () => {
  const { agent, kernel, clock } = fakeAgent();
  agent.setNodes([node(1), node(2)]);
  agent.resync();
  const [dst] = node(2).podCIDRs as [string];
  const remove = (): void => {
    const route = kernel.routes.find((each) => each.dst === dst)!;
    kernel.routes = kernel.routes.filter((each) => each !== route);
    agent.onKernel({ type: 'route', op: 'del', route });
  };
  const present = (): boolean => kernel.routes.some((route) => route.dst === dst);
  for (let i = 0; i < 6; i++) {
    remove();
    clock.advance(0);
    expect(present()).toBe(true);
  }
  expect([...agent.problems].map(({ kind }) => kind)).toContain('contested');
  remove();
  clock.advance(999);
  expect(present()).toBe(false);
  clock.advance(1);
  expect(present()).toBe(true);
  agent.putNode(node(3));
  clock.advance(0);
  expect(kernel.own()).toHaveLength(4);
  clock.advance(60_000);
  expect([...agent.problems]).toEqual([]);
  remove();
  clock.advance(0);
  expect(present()).toBe(true);
});
