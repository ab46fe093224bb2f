/** Four nodes on two subnets with a router between them, each a network namespace with its own agent. */
import type { Family } from '@cnikit/ip';
import { createNetns, deleteNetns } from '@cnikit/netlink';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openKernel } from '../src/apply/netlink-kernel.ts';
import { procSys } from '../src/apply/sysctls.ts';
import { describe as describeAction } from '../src/core/action.ts';
import type { Kernel } from '../src/core/kernel.ts';
import { Metrics } from '../src/core/metrics.ts';
import type { NodeInfo } from '../src/core/model.ts';
import { after } from '../src/core/timers.ts';
import { TUNNEL_ALIAS, tunnelMac } from '../src/core/tunnel-mark.ts';
import { NodeIndex } from '../src/desired/node-index.ts';
import { Agent, type AgentOptions } from '../src/reconcile/agent.ts';
import { RouteReconciler } from '../src/reconcile/route-reconciler.ts';
import { eventually, run } from './live-node.ts';

const NETNS = '/run/netns';

/** Nodes 1 and 2 on one subnet, 3 and 4 on another. */
const subnetOf = (n: number): number => (n <= 2 ? 1 : 2);
const address = (n: number, underlay: Family, subnet = subnetOf(n)): string =>
  underlay === 'ipv4' ? `192.0.${subnet}.${n}` : `2001:db8:${subnet}::${n}`;
const gateway = (subnet: number, underlay: Family): string =>
  underlay === 'ipv4' ? `192.0.${subnet}.254` : `2001:db8:${subnet}::fe`;

class TunnelNode {
  readonly name: string;
  readonly lines: string[] = [];
  readonly writes: string[] = [];
  conflist: string | undefined;
  rules = '';
  families: readonly Family[] = ['ipv4', 'ipv6'];
  kernel!: Kernel;
  agent!: Agent;
  #ended = new AbortController();
  #events: Promise<void> = Promise.resolve();
  readonly #n: number;

  constructor(n: number, underlay: Family) {
    this.#n = n;
    this.name = `n${n}`;
    createNetns(this.name);
    const subnet = subnetOf(n);
    run('ip', 'link', 'add', `port${n}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', this.name);
    run('ip', 'link', 'set', `port${n}`, 'master', `lan${subnet}`, 'up');
    const length = underlay === 'ipv4' ? 24 : 64;
    this.ip('link', 'set', 'lo', 'up');
    this.ip('address', 'add', `${address(n, underlay)}/${length}`, 'dev', 'eth0', 'nodad');
    this.ip('link', 'set', 'eth0', 'up');
    this.ip('route', 'add', 'default', 'via', gateway(subnet, underlay));
    // A pod's addresses on the node itself: what the tunnel carries is the same.
    for (const pod of [this.pod('ipv4'), this.pod('ipv6')]) {
      this.ip('address', 'add', pod, 'dev', 'lo', 'nodad');
    }
  }

  pod(family: Family): string {
    return family === 'ipv4' ? `10.244.${this.#n}.5` : `fd00:10:244:${this.#n}::5`;
  }

  start(nodes: readonly NodeInfo[], options: Partial<AgentOptions> = {}): void {
    this.#ended = new AbortController();
    const kernel = openKernel(`${NETNS}/${this.name}`);
    this.kernel = kernel;
    const write = kernel.write;
    kernel.write = (actions) => {
      this.writes.push(...actions.map(describeAction));
      return write(actions);
    };
    const log = {
      info: (_: object, message: string) => void this.lines.push(message),
      warn: (_: object, message: string) => void this.lines.push(`warning: ${message}`),
    };
    this.agent = new Agent(
      {
        kernel,
        log,
        metrics: new Metrics(),
        after,
        sysctls: procSys('/nonexistent'),
        rules: {
          plan: () => [],
          planFamily: () => [],
          report: () => ({}) as never,
          matchSets: () => undefined,
          apply: (desired) => {
            this.rules = JSON.stringify(desired);
            return [];
          },
        },
        cni: {
          plan: () => [],
          apply: (conflist) => {
            this.conflist = conflist;
            return [];
          },
          problems: () => [],
        },
      },
      { nodeName: this.name, nonMasquerade: [], resyncMs: 3_600_000, ...options },
    );
    const { agent } = this;
    const events = kernel.events(this.#ended.signal);
    this.#events = (async () => {
      for await (const event of events) {
        agent.onKernel(event);
      }
    })();
    agent.setNodes(nodes);
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    this.agent?.close();
    await this.#events;
    this.kernel?.close();
  }

  ip(...args: string[]): string {
    return run('ip', '-n', this.name, ...args);
  }

  bridge(...args: string[]): string {
    return run('bridge', '-n', this.name, ...args);
  }

  /** Pings a pod of another node from this node's until it answers; throws when it does not. */
  reach(other: TunnelNode, ...args: string[]): void {
    this.#ping(other, ['-w', '30'], args);
  }

  /** As `reach`, with one packet, because a ping that waits keeps the agents of this process from their work. */
  ping(other: TunnelNode, ...args: string[]): void {
    this.#ping(other, ['-W', '2'], args);
  }

  #ping(other: TunnelNode, patience: readonly string[], args: readonly string[]): void {
    for (const family of other.families) {
      run(
        ...(['ip', 'netns', 'exec', this.name, 'ping', '-n', '-c', '1', ...patience] as const),
        ...(args.length > 0 ? args : ['-I', this.pod(family)]),
        other.pod(family),
      );
    }
  }

  links(): string[] {
    return this.ip('-o', 'link')
      .trim()
      .split('\n')
      .map((line) => line.split(/: |@/)[1]!);
  }

  routeTo(other: TunnelNode): string {
    return this.ip('route', 'get', other.pod('ipv4'));
  }
}

function nodeInfo(n: number, underlay: Family, changes: Partial<NodeInfo> = {}): NodeInfo {
  return {
    name: `n${n}`,
    uid: `uid-${n}`,
    created: `2026-01-01T00:00:0${n}Z`,
    podCIDRs: [`10.244.${n}.0/24`, `fd00:10:244:${n}::/64`],
    internalIPs: [address(n, underlay)],
    rejected: [],
    ...changes,
  };
}

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'Agent with nodes on two subnets (needs the sandbox: run npm test at the root)',
  () => {
    let nodes: TunnelNode[];

    function make(underlay: Family, count: number): TunnelNode[] {
      for (const subnet of [1, 2]) {
        run('ip', 'link', 'add', `lan${subnet}`, 'type', 'bridge', 'mcast_snooping', '0');
        // A router whose link-local address is still being tried finds no neighbour for what it forwards.
        run('sysctl', '-qw', `net.ipv6.conf.lan${subnet}.accept_dad=0`);
        const length = underlay === 'ipv4' ? 24 : 64;
        const own = `${gateway(subnet, underlay)}/${length}`;
        run('ip', 'address', 'add', own, 'dev', `lan${subnet}`, 'nodad');
        run('ip', 'link', 'set', `lan${subnet}`, 'up');
      }
      nodes = Array.from({ length: count }, (_, i) => new TunnelNode([1, 2, 3, 4][i]!, underlay));
      return nodes;
    }
    const infos = (underlay: Family): NodeInfo[] => nodes.map((_, i) => nodeInfo(i + 1, underlay));

    beforeEach(() => {
      nodes = [];
      run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
    });
    afterEach(async () => {
      for (const node of nodes) {
        await node.stop();
        // The namespace's own end goes later than deleteNetns() returns.
        run('ip', 'link', 'delete', `port${node.name.slice(1)}`);
        deleteNetns(node.name);
      }
      for (const subnet of [1, 2]) {
        run('ip', 'link', 'delete', `lan${subnet}`);
      }
    });

    test.each(['ipv4', 'ipv6'] as const)(
      'pods of both families reach each other through an %s router',
      (underlay) => {
        make(underlay, 4);
        for (const node of nodes) {
          node.start(infos(underlay));
        }
        for (const one of nodes) {
          for (const other of nodes) {
            if (one !== other) {
              one.reach(other);
            }
          }
        }
        const [n1, n2, n3] = nodes as [TunnelNode, TunnelNode, TunnelNode];
        if (underlay === 'ipv4') {
          expect(n1.routeTo(n2)).toContain('dev eth0');
        }
        expect(n1.routeTo(n3)).toContain(`dev cnikit-vx${underlay === 'ipv6' ? '6' : ''} `);
        // Pods reach the nodes behind the router as themselves: the answer comes by the tunnel.
        for (const one of [n1, n3]) {
          const other = one === n1 ? n3 : n1;
          const argv = ['ping', '-n', '-c', '1', '-w', '30', '-I', one.pod(underlay)];
          run('ip', 'netns', 'exec', one.name, ...argv, address(other === n3 ? 3 : 1, underlay));
        }
        // The node itself speaks to pods behind the router from an address that they can answer to.
        n1.reach(n3, '-q');
      },
    );

    test('Agent reaches peers of both underlay families at once, each through its own link', async () => {
      make('ipv4', 4);
      const [n1, n2, n3, n4] = nodes as [TunnelNode, TunnelNode, TunnelNode, TunnelNode];
      // n1 and n2 have both families, n3 IPv4 only, n4 IPv6 only.
      const lan = (n: number): string => `${address(n, 'ipv6')}/64`;
      for (const subnet of [1, 2]) {
        run('ip', 'address', 'add', `${gateway(subnet, 'ipv6')}/64`, 'dev', `lan${subnet}`, 'nodad');
      }
      for (const [node, n] of [[n1, 1] as const, [n2, 2] as const, [n4, 4] as const]) {
        node.ip('address', 'add', lan(n), 'dev', 'eth0', 'nodad');
        node.ip('-6', 'route', 'add', 'default', 'via', gateway(subnetOf(n), 'ipv6'));
      }
      n4.ip('-4', 'address', 'flush', 'dev', 'eth0');
      const both = (n: number): string[] => [address(n, 'ipv4'), address(n, 'ipv6')];
      const all = [
        nodeInfo(1, 'ipv4', { internalIPs: both(1) }),
        nodeInfo(2, 'ipv4', { internalIPs: both(2) }),
        nodeInfo(3, 'ipv4'),
        nodeInfo(4, 'ipv6'),
      ];
      for (const node of nodes) {
        node.start(all);
      }
      expect(n1.links()).toEqual(expect.arrayContaining(['cnikit-vx', 'cnikit-vx6']));
      expect(n4.links()).not.toContain('cnikit-vx');
      expect(n1.bridge('fdb', 'show', 'dev', 'cnikit-vx')).toContain('192.0.2.3');
      expect(n1.bridge('fdb', 'show', 'dev', 'cnikit-vx6')).toContain('2001:db8:2::4');
      // A pod has one MTU: the least.
      expect(JSON.parse(n1.conflist!).plugins[0].mtu).toBe(1430);
      for (const other of [n3, n4]) {
        for (const one of [n1, n2]) {
          one.reach(other);
          other.reach(one);
          one.reach(other, '-q');
        }
      }
      // No family that both have.
      expect(n3.lines.join('\n')).toMatch(
        /No route to 10\.244\.4\.0\/24 of node n4: the Node has no InternalIP/,
      );
      const { length } = n1.writes;
      n1.agent.resync();
      expect(n1.writes.slice(length)).toEqual([]);
      // It becomes one of IPv4: nothing is left by IPv6, nor is the link.
      const moved = nodeInfo(4, 'ipv4');
      n4.ip('address', 'add', `${address(4, 'ipv4')}/24`, 'dev', 'eth0');
      n4.ip('route', 'add', 'default', 'via', gateway(2, 'ipv4'));
      for (const node of nodes) {
        node.agent.putNode(moved);
      }
      await eventually(() => expect(n1.links()).not.toContain('cnikit-vx6'));
      await eventually(() => n1.ping(n4));
      await eventually(() => n3.ping(n4));
      expect(JSON.parse(n1.conflist!).plugins[0].mtu).toBe(1450);
    });

    test('RouteReconciler.plan() shows a tunnel before it exists, and a second pass changes nothing', () => {
      const [n1] = make('ipv4', 3) as [TunnelNode];
      n1.start(infos('ipv4'));
      expect(n1.writes[0]).toMatch(
        /^\+ tunnel cnikit-vx vni 201 port 4789 local 192\.0\.1\.1 mac .* mtu 1450$/,
      );
      expect(n1.writes).toContainEqual(expect.stringMatching(/^\+ fdb .* to 192\.0\.2\.3 dev cnikit-vx$/));
      expect(JSON.parse(n1.conflist!).plugins[0].mtu).toBe(1450);
      const { length } = n1.writes;
      n1.agent.resync();
      expect(n1.writes.slice(length)).toEqual([]);
    });

    test('Agent.onKernel() repairs a tunnel that another program changed', async () => {
      const [n1, , n3] = make('ipv4', 3) as [TunnelNode, TunnelNode, TunnelNode];
      for (const node of nodes) {
        node.start(infos('ipv4'));
      }
      const mac = n1.bridge('fdb', 'show', 'dev', 'cnikit-vx').split(' ')[0]!;
      const inner = n1.ip('route', 'show', '10.244.3.0/24').match(/via (\S+)/)![1]!;
      const damages: [string, () => unknown][] = [
        ['forwarding entry', () => n1.bridge('fdb', 'del', mac, 'dev', 'cnikit-vx', 'dst', '192.0.2.3')],
        [
          'another remote end',
          () => n1.bridge('fdb', 'replace', mac, 'dev', 'cnikit-vx', 'dst', '192.0.2.9', 'self'),
        ],
        ['neighbour', () => n1.ip('neighbour', 'del', inner, 'dev', 'cnikit-vx')],
        ['address', () => n1.ip('address', 'flush', 'dev', 'cnikit-vx')],
        ['link down', () => n1.ip('link', 'set', 'cnikit-vx', 'down')],
        ['MTU', () => n1.ip('link', 'set', 'cnikit-vx', 'mtu', '1300')],
        [
          'port of a bridge',
          () => {
            n1.ip('link', 'add', 'foreign', 'type', 'bridge');
            n1.ip('link', 'set', 'cnikit-vx', 'master', 'foreign');
          },
        ],
        ['link', () => n1.ip('link', 'delete', 'cnikit-vx')],
      ];
      for (const [what, damage] of damages) {
        const { length } = n1.writes;
        damage();
        // First what does not block: a ping that waits keeps the agent, which lives in this process, from its work.
        await eventually(() => expect(n1.writes.length).toBeGreaterThan(length));
        await eventually(() => n1.ping(n3));
        await eventually(() =>
          expect(n1.ip('-d', 'link', 'show', 'cnikit-vx'), what).toMatch(/UP.* mtu 1450/),
        );
        await eventually(() => n1.ping(n3, '-q'));
      }
    });

    test('Agent follows a peer that moves behind the router and back, and removes the unused tunnel', async () => {
      const [n1, n2] = make('ipv4', 2) as [TunnelNode, TunnelNode];
      // Nodes without an IPv6 address always exchange IPv6 through the tunnel.
      const only4 = (n: number, changes: Partial<NodeInfo> = {}): NodeInfo =>
        nodeInfo(n, 'ipv4', { podCIDRs: [`10.244.${n}.0/24`], ...changes });
      const all = [only4(1), only4(2)];
      n2.families = ['ipv4'];
      for (const node of nodes) {
        node.start(all);
      }
      expect(n1.links()).not.toContain('cnikit-vx');
      expect(JSON.parse(n1.conflist!).plugins[0].mtu).toBe(1500);
      n1.reach(n2);

      const moved = only4(2, { internalIPs: [address(2, 'ipv4', 2)] });
      n2.ip('address', 'flush', 'dev', 'eth0');
      run('ip', 'link', 'set', 'port2', 'master', 'lan2');
      n2.ip('address', 'add', `${address(2, 'ipv4', 2)}/24`, 'dev', 'eth0');
      n2.ip('route', 'add', 'default', 'via', gateway(2, 'ipv4'));
      for (const node of nodes) {
        node.agent.putNode(moved);
      }
      await eventually(() => expect(n1.links()).toContain('cnikit-vx'));
      await eventually(() => expect(n2.links()).toContain('cnikit-vx'));
      await eventually(() => n1.ping(n2));
      await eventually(() => expect(JSON.parse(n1.conflist!).plugins[0].mtu).toBe(1450));

      n2.ip('address', 'flush', 'dev', 'eth0');
      run('ip', 'link', 'set', 'port2', 'master', 'lan1');
      n2.ip('address', 'add', `${address(2, 'ipv4')}/24`, 'dev', 'eth0');
      n2.ip('route', 'add', 'default', 'via', gateway(1, 'ipv4'));
      for (const node of nodes) {
        node.agent.putNode(all[1]!);
      }
      await eventually(() => expect([...n1.links(), ...n2.links()]).not.toContain('cnikit-vx'));
      await eventually(() => n1.ping(n2));
      await eventually(() => expect(JSON.parse(n1.conflist!).plugins[0].mtu).toBe(1500));
    });

    test('Agents follow a new address of a node behind the router', async () => {
      const [n1, , n3] = make('ipv4', 3) as [TunnelNode, TunnelNode, TunnelNode];
      for (const node of nodes) {
        node.start(infos('ipv4'));
      }
      n1.reach(n3);
      const moved = nodeInfo(3, 'ipv4', { internalIPs: ['192.0.2.33'] });
      n3.ip('address', 'add', '192.0.2.33/24', 'dev', 'eth0');
      n3.ip('address', 'del', '192.0.2.3/24', 'dev', 'eth0');
      n3.ip('address', 'replace', '192.0.2.33/24', 'dev', 'eth0');
      n3.ip('route', 'replace', 'default', 'via', gateway(2, 'ipv4'));
      for (const node of nodes) {
        node.agent.putNode(moved);
      }
      await eventually(() => expect(n3.ip('-d', 'link', 'show', 'cnikit-vx')).toContain('local 192.0.2.33'));
      await eventually(() => expect(n1.bridge('fdb', 'show', 'dev', 'cnikit-vx')).toContain('192.0.2.33'));
      await eventually(() => n1.ping(n3));
      await eventually(() => n3.ping(n1));
    });

    test('Agent removes the entries of a deleted node, and a restart changes nothing', async () => {
      const [n1] = make('ipv4', 4) as [TunnelNode];
      n1.start(infos('ipv4'));
      await n1.stop();
      n1.start(infos('ipv4'));
      const { length } = n1.writes;
      n1.agent.resync();
      expect(n1.writes.slice(length)).toEqual([]);
      n1.agent.deleteNode('n3');
      await eventually(() => expect(n1.bridge('fdb', 'show', 'dev', 'cnikit-vx')).not.toContain('192.0.2.3'));
      expect(n1.bridge('fdb', 'show', 'dev', 'cnikit-vx')).toContain('192.0.2.4');
      expect(n1.ip('neighbour', 'show', 'dev', 'cnikit-vx')).not.toContain('10.244.3.0');
    });

    test.each([
      ['name', ['cnikit-vx', 'type', 'bridge'], /Link cnikit-vx belongs to another program.*left alone/],
      [
        'VNI and port',
        ['other0', 'type', 'vxlan', 'id', '201', 'dstport', '4789'],
        /Link other0 is another program's VXLAN/,
      ],
    ] as const)(
      'Agent reports a foreign link with the %s, leaves it alone, and creates the tunnel after its removal',
      async (_, spec, said) => {
        const [n1, n2, n3] = make('ipv4', 3) as [TunnelNode, TunnelNode, TunnelNode];
        n1.ip('link', 'add', ...spec);
        for (const node of nodes) {
          node.start(infos('ipv4'));
        }
        expect(n1.lines.join('\n')).toMatch(said);
        expect(n1.links()).toContain(spec[0]);
        expect(n1.routeTo(n2)).toContain('dev eth0');
        n1.ip('link', 'delete', spec[0]);
        await eventually(() => expect(n1.routeTo(n3)).toContain('dev cnikit-vx'));
        await eventually(() => n1.ping(n3));
      },
    );

    test('Agent uses the tunnel for on-link nodes with --encap=always, and reports unreachable nodes with --encap=never', () => {
      const [n1, n2, n3] = make('ipv4', 3) as [TunnelNode, TunnelNode, TunnelNode];
      for (const node of nodes) {
        node.start(infos('ipv4'), { encap: 'always' });
      }
      expect(n1.routeTo(n2)).toContain('dev cnikit-vx');
      n1.reach(n2);
      n1.reach(n3);
    });

    test('Agent creates the tunnel over links that are too small for IPv6 on top', () => {
      const [n1, , n3] = make('ipv4', 3) as [TunnelNode, TunnelNode, TunnelNode];
      const only4 = [1, 2, 3].map((n) => nodeInfo(n, 'ipv4', { podCIDRs: [`10.244.${n}.0/24`] }));
      for (const node of nodes) {
        node.families = ['ipv4'];
        // As Tailscale has it.
        node.ip('link', 'set', 'eth0', 'mtu', '1280');
        node.start(only4);
        expect(node.lines.join('\n')).not.toMatch(/warning/);
      }
      n1.reach(n3);
      n1.reach(n3, '-M', 'do', '-s', '1202', '-I', n1.pod('ipv4'));
      expect(n1.ip('-d', 'link', 'show', 'cnikit-vx')).toMatch(/mtu 1230 .*group 1677721801/);
    });

    test('Agent carries IPv6 over links that are too small for a tunnel with 1280 bytes, and reports them', () => {
      const [n1, , n3] = make('ipv4', 3) as [TunnelNode, TunnelNode, TunnelNode];
      for (const node of nodes) {
        node.ip('link', 'set', 'eth0', 'mtu', '1280');
        node.start(infos('ipv4'));
      }
      expect(n1.lines.join('\n')).toMatch(/has MTU 1280, which leaves 1230 bytes in the ipv4 tunnel/);
      expect(JSON.parse(n1.conflist!).plugins[0].mtu).toBe(1280);
      n1.reach(n3);
      const large = ['ping', '-n', '-c', '1', '-w', '30', '-s', '1232', '-I', n1.pod('ipv6'), n3.pod('ipv6')];
      run('ip', 'netns', 'exec', n1.name, ...large);
    });

    test('Agent takes the MTU of the route to the far ends if the InternalIP is on loopback', () => {
      const [n1, , n3] = make('ipv4', 3) as [TunnelNode, TunnelNode, TunnelNode];
      n1.ip('address', 'add', '192.0.1.1/32', 'dev', 'lo');
      for (const node of nodes) {
        node.start(infos('ipv4'));
      }
      expect(n1.ip('link', 'show', 'cnikit-vx')).toContain('mtu 1450');
      n1.reach(n3, '-M', 'do', '-s', '1402', '-I', n1.pod('ipv4'));
    });

    test('Agent tunnels over links without a link layer, whose far ends accept only addresses of nodes', () => {
      const [n1, n2] = make('ipv4', 2) as [TunnelNode, TunnelNode];
      const mac = (node: TunnelNode): string => /ether (\S+)/.exec(node.ip('link', 'show', 'eth0'))![1]!;
      for (const [node, other, to] of [
        [n1, n2, address(2, 'ipv4')],
        [n2, n1, address(1, 'ipv4')],
      ] as const) {
        // As a WireGuard mesh, with each node's address in AllowedIPs.
        node.ip('link', 'set', 'eth0', 'arp', 'off');
        node.ip('neighbour', 'replace', to, 'lladdr', mac(other), 'dev', 'eth0', 'nud', 'permanent');
        for (const end of ['-i', '-o']) {
          const chain =
            end === '-i' ? ['PREROUTING', end, 'eth0', '!', '-s'] : ['OUTPUT', end, 'eth0', '!', '-d'];
          const rule = ['-t', 'raw', '-A', ...chain, '192.0.1.0/24', '-j', 'DROP'];
          run('ip', 'netns', 'exec', node.name, 'iptables', ...rule);
        }
        node.start(infos('ipv4'));
      }
      expect(n1.routeTo(n2)).toContain('dev cnikit-vx');
      n1.reach(n2);
      n2.reach(n1);
    });

    test('Agent replaces a tunnel link that an earlier version left without its alias', () => {
      const [n1, , n3] = make('ipv4', 3) as [TunnelNode, TunnelNode, TunnelNode];
      n1.ip(
        ...['link', 'add', 'cnikit-vx', 'address', tunnelMac('n1'), 'mtu', '1230'],
        ...['type', 'vxlan', 'id', '201', 'dstport', '4789', 'local', '192.0.1.1', 'nolearning'],
      );
      for (const node of nodes) {
        node.start(infos('ipv4'));
      }
      expect(n1.lines.join('\n')).not.toContain('belongs to another program');
      n1.reach(n3);
    });

    test('Agent reports the first refusal of a tunnel', () => {
      const [n1] = make('ipv4', 3) as [TunnelNode];
      // The kernel accepts no colon in names.
      n1.start(infos('ipv4'), { tunnel: { name: 'a:b', vni: 201, port: 4789 } });
      const refused = n1.lines.filter((line) => line.includes('refused tunnel a:b'));
      expect(refused).toEqual([expect.stringContaining('EINVAL')]);
    });

    test('RouteReconciler.removeAll() removes the tunnel and no foreign link', () => {
      const [n1] = make('ipv4', 3) as [TunnelNode];
      n1.ip('link', 'add', 'other0', 'type', 'vxlan', 'id', '7', 'dstport', '4789');
      n1.start(infos('ipv4'));
      expect(n1.ip('link', 'show', 'cnikit-vx')).toContain(TUNNEL_ALIAS);
      const routes = new RouteReconciler(new NodeIndex(), n1.kernel, { nodeName: '' });
      routes.load();
      expect(routes.removeAll().failed).toEqual([]);
      expect(n1.links()).toEqual(expect.arrayContaining(['other0']));
      expect(n1.links()).not.toContain('cnikit-vx');
      expect(n1.ip('route', 'show', 'proto', '201')).toBe('');
    });
  },
);
