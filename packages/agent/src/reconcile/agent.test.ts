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

/** The kernel's event for a route that somebody deleted. */
function deleteRoute(kernel: ReturnType<typeof fakeAgent>['kernel'], dst: string): KernelRoute {
  const route = kernel.routes.find((have) => have.dst === dst)!;
  kernel.routes = kernel.routes.filter((have) => have !== route);
  return route;
}

describe('Agent.setNodes()', () => {
  test('routes to every other node in one write, each family by its own InternalIP', () => {
    const { kernel } = started();
    expect(kernel.own()).toEqual(routesTo(2, 3));
    expect(kernel.writes).toBe(1);
  });

  test('flannel-io/flannel#2437: writes the conflist last, after routes and rules', () => {
    const { order, agent } = started();
    expect(order).toEqual(['routes', 'rules', 'conflist']);
    expect(agent.ready).toBe(true);
  });

  test('flannel-io/flannel#2554: removes what a node left behind that went while the agent was away', () => {
    const { agent, kernel } = fakeAgent();
    kernel.routes.push(asKernelRoute({ dst: '10.244.9.0/24', via: '192.0.2.9', oif: 2, dev: 'eth0' }));
    agent.setNodes(three);
    expect(kernel.own()).toEqual(routesTo(2, 3));
  });

  test('takes no node away when the list lacks this node', () => {
    const { agent, kernel, lines } = started();
    agent.setNodes([]);
    expect(kernel.own()).toEqual(routesTo(2, 3));
    expect(lines.at(-1)).toMatch(/warning: Node n1 is not in the API/);
  });

  test('waits for the podCIDR of this node, and says so once', () => {
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
  test('a node event costs one write and no dump', () => {
    const { agent, kernel, clock } = started();
    const { dumps, writes } = kernel;
    agent.putNode(node(4));
    clock.advance(0);
    expect(kernel.own()).toEqual(routesTo(2, 3, 4));
    expect([kernel.dumps - dumps, kernel.writes - writes]).toEqual([0, 1]);
  });

  test('a deleted node loses its routes', () => {
    const { agent, kernel, clock } = started();
    agent.deleteNode('n2');
    clock.advance(0);
    expect(kernel.own()).toEqual(routesTo(3));
  });

  test('rancher/rke2#11170: another podCIDR is a delete and an add', () => {
    const { agent, kernel, clock } = started();
    agent.putNode(node(2, { podCIDRs: ['10.244.77.0/24'] }));
    clock.advance(0);
    expect(kernel.own()).toEqual([...routesTo(3), '10.244.77.0/24 via 192.0.2.2'].sort());
  });

  test('kubernetes/kubernetes#98359, kubernetes-sigs/kind PR#2941: another InternalIP replaces the gateway', () => {
    const { agent, kernel, clock } = started();
    agent.putNode(node(2, { internalIPs: ['192.0.2.200', '2001:db8::2'] }));
    clock.advance(0);
    expect(kernel.own()).toContain('10.244.2.0/24 via 192.0.2.200');
    expect(kernel.own()).toHaveLength(4);
  });

  test('a node replaced under the same name takes its place', () => {
    const { agent, kernel, clock } = started();
    agent.putNode(node(2, { uid: 'other', podCIDRs: ['10.244.8.0/24'], internalIPs: ['192.0.2.8'] }));
    clock.advance(0);
    expect(kernel.own()).toEqual([...routesTo(3), '10.244.8.0/24 via 192.0.2.8'].sort());
  });

  test('of two nodes that claim one podCIDR the oldest keeps it, and the other follows when that one goes', () => {
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

  test('of two podCIDRs that overlap the older node keeps its own, and the other follows when that one goes', () => {
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

  test('nodes of one family and of two share a cluster', () => {
    const { agent, kernel, clock } = started();
    agent.putNode(node(4, { podCIDRs: ['10.244.4.0/24'], internalIPs: ['192.0.2.4'] }));
    agent.putNode(node(5, { podCIDRs: ['fd00:10:244:5::/64'], internalIPs: ['2001:db8::5'] }));
    clock.advance(0);
    expect(kernel.own()).toEqual(
      [...routesTo(2, 3), '10.244.4.0/24 via 192.0.2.4', 'fd00:10:244:5::/64 via 2001:db8::5'].sort(),
    );
  });

  test('a podCIDR that is used again goes to its new node', () => {
    const { agent, kernel, clock } = started();
    agent.deleteNode('n2');
    agent.putNode(node(7, { podCIDRs: node(2).podCIDRs }));
    clock.advance(0);
    expect(kernel.own()).toEqual(
      [...routesTo(3), '10.244.2.0/24 via 192.0.2.7', 'fd00:10:244:2::/64 via 2001:db8::7'].sort(),
    );
  });

  test('a node that changes from on-link to off-link and back has its tunnel as long as it needs it', () => {
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
    // What its pods send there is seen as theirs all the same.
    expect(state.rules).toContain('198.51.100.2/32');
    agent.putNode(node(2));
    clock.advance(0);
    expect(kernel.own()).toEqual(routesTo(2, 3));
    expect(kernel.links).toHaveLength(2);
    expect(state.conflist).toContain('"mtu": 1500');
  });

  test('an API server that lost its data costs no route, whatever the order of events', () => {
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

  test('this node deleted from the API keeps its data path, and goes on when it is back', () => {
    const { agent, kernel, clock, state } = started();
    agent.deleteNode('n1');
    agent.putNode(node(5));
    clock.advance(0);
    expect(kernel.own()).toEqual(routesTo(2, 3, 5));
    agent.putNode(node(1, { uid: 'again', podCIDRs: ['10.244.99.0/24'] }));
    expect(state.conflist).toContain('10.244.99.0/24');
  });

  test('aojea/kindnet#46, liqotech/liqo#1091: a node that the kernel refuses harms no other, and is tried again', () => {
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

  test('a burst of nodes is one pass over the rules, and a second one soon after', () => {
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

  test('heartbeats change nothing: no write, no line', () => {
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
  test('flannel-io/flannel#801, systemd/systemd#25451: a deleted route is back at once, without a dump', () => {
    const { agent, kernel, clock } = started();
    const { dumps } = kernel;
    agent.onKernel({ type: 'route', op: 'del', route: deleteRoute(kernel, '10.244.2.0/24') });
    clock.advance(0);
    expect(kernel.own()).toEqual(routesTo(2, 3));
    expect(kernel.dumps).toBe(dumps);
  });

  test('an event that comes late, of a route that is back already, ends well', () => {
    const { agent, kernel, clock, lines } = started();
    const late = kernel.routes.find(({ dst }) => dst === '10.244.2.0/24')!;
    agent.onKernel({ type: 'route', op: 'del', route: late });
    clock.advance(1000);
    expect(kernel.own()).toEqual(routesTo(2, 3));
    expect(lines.join('\n')).not.toContain('refused');
  });

  test('the echo of its own write is no work', () => {
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

  test('a route changed under its protocol is put right', () => {
    const { agent, kernel, clock } = started();
    const changed = { ...deleteRoute(kernel, '10.244.2.0/24'), via: '192.0.2.77' };
    kernel.routes.push(changed);
    agent.onKernel({ type: 'route', op: 'new', route: changed });
    clock.advance(0);
    expect(kernel.own()).toEqual(routesTo(2, 3));
  });

  test('lost events mean a dump', () => {
    const { agent, kernel, clock, metrics } = started();
    deleteRoute(kernel, '10.244.3.0/24');
    agent.onKernel({ type: 'overflow' });
    clock.advance(50);
    expect(kernel.own()).toEqual(routesTo(2, 3));
    expect(metrics.get('kernel_overflows')).toBe(1);
  });

  test('a foreign route in the way is reported, left alone, and followed when it goes', () => {
    const { agent, kernel, clock, lines } = fakeAgent();
    const foreign: KernelRoute = {
      family: 'ipv4',
      dst: '10.244.2.0/24',
      via: '192.0.2.50',
      oif: 2,
      protocol: 4,
      priority: 0,
      type: 1,
    };
    kernel.routes.push(foreign);
    agent.setNodes(three);
    expect(kernel.own()).toHaveLength(3);
    expect(kernel.routes).toContain(foreign);
    expect(lines.join('\n')).toMatch(/not ours is in the way of 10.244.2.0\/24 via 192.0.2.2/);
    kernel.routes = kernel.routes.filter((route) => route !== foreign);
    agent.onKernel({ type: 'route', op: 'del', route: foreign });
    clock.advance(50);
    expect(kernel.own()).toEqual(routesTo(2, 3));
    expect(lines).toContain('Resolved: foreign-route 10.244.2.0/24');
  });

  test('the outside interface is followed when the default route changes', () => {
    const { agent, kernel, clock, state } = started();
    kernel.links.push({ index: 3, name: 'eth1', mtu: 1400, up: true });
    const old = kernel.routes.find(({ dst }) => dst === '0.0.0.0/0')!;
    kernel.routes.push({ ...old, oif: 3, priority: 0 });
    kernel.routes = kernel.routes.filter((route) => route !== old);
    agent.onKernel({ type: 'route', op: 'del', route: old });
    clock.advance(50);
    expect(state.rules).toContain('eth1');
    expect(state.conflist).toContain('1400');
  });

  test('a pod that comes or goes is not looked at', () => {
    const { agent, kernel, clock } = started();
    const { dumps } = kernel;
    agent.onKernel({ type: 'link', index: 77 });
    agent.onKernel({ type: 'address', index: 77, address: 'fe80::1/64' });
    clock.advance(1000);
    expect(kernel.dumps).toBe(dumps);
  });
});

describe('Agent at rest and in trouble', () => {
  test('writes nothing and says nothing, however often it looks again', () => {
    const { kernel, clock, lines, order } = started();
    const before = [kernel.writes, lines.length, order.length];
    clock.advance(3_600_000);
    expect([kernel.writes, lines.length, order.length]).toEqual(before);
    expect(kernel.dumps).toBeGreaterThan(50);
  });

  test('does not make a new node Ready without its rules; says why once; and does when they work', () => {
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

  test('a kernel that cannot be read ends nothing, and is tried at a slowing pace', () => {
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

  test('Agent.close() leaves everything in place and does nothing more', () => {
    const { agent, kernel, clock } = started();
    agent.close();
    agent.onKernel({ type: 'route', op: 'del', route: deleteRoute(kernel, '10.244.2.0/24') });
    agent.resync();
    clock.advance(600_000);
    expect(kernel.own()).toHaveLength(3);
  });
});

describe('kubernetes/kubernetes#120486: condition NetworkUnavailable', () => {
  test('becomes False once the data path is programmed, and again when somebody sets it', async () => {
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

  test('waits until the self-test of the routes has passed', () => {
    const asked: string[] = [];
    let problems: Problem[] = [problem('self-test', '', 'astray')];
    const tested: string[][] = [];
    const { agent, clock } = fakeAgent({
      clearNetworkUnavailable: async (name) => void asked.push(name),
      selfTest: (routes) => {
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

test('the readiness taint is removed once the data path is programmed, and whenever it comes back', async () => {
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

test('a file that somebody else has damaged is told, one that the agent itself changes is not', () => {
  const repaired: string[] = [];
  const { agent, clock, state } = started({ onRepair: (path) => void repaired.push(path) });
  agent.putNode(node(1, { podCIDRs: ['10.244.1.0/24'] }));
  expect(repaired).toEqual([]);
  state.conflist = 'damaged';
  agent.checkFiles();
  clock.advance(1000);
  expect(repaired).toEqual(['conflist']);
});

test('what each pass found is told to those who want to know', () => {
  const seen: boolean[] = [];
  const { agent } = fakeAgent({ onPass: () => void seen.push(agent.ready) });
  agent.setNodes([node(2)]);
  agent.setNodes(three);
  expect(seen).toEqual([false, true]);
});

describe('the plugins that are chained', () => {
  test('are in the conflist, and are followed', () => {
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

  test('hold the conflist back while nobody knows what they are', () => {
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
