import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { monitor } from '@cnikit/netlink/monitor';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  eventually,
  type LiveNode,
  liveNode,
  nodeObject,
  ownRoutes,
  readConflist,
  routesTo,
  run,
} from './live-node.ts';

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'Agent on a real kernel (needs the sandbox: run npm test at the root)',
  () => {
    let node: LiveNode;
    beforeEach(async () => {
      node = await liveNode(1, 2, 3);
    });
    afterEach(() => node.close());

    const ready = async (): Promise<ReturnType<LiveNode['start']>> => {
      const running = node.start();
      await eventually(() => expect(running.agent.ready).toBe(true));
      return running;
    };

    test('Agent programs routes, rules, plugin and conflist, dual stack, with the permissions of the manifest', async () => {
      await ready();
      expect(ownRoutes()).toEqual(routesTo(2, 3));
      for (const save of ['iptables-save', 'ip6tables-save']) {
        expect(run(save)).toMatch(/-A CNIKIT-MASQ .*-j MASQUERADE/);
      }
      expect(readConflist(node)).toMatchObject({ name: 'cnikit', cniVersion: '1.0.0' });
      expect([...new Set(node.api.requests.map(({ status }) => status))]).toEqual([200]);
    });

    test('cloudnativelabs/kube-router#440: Agent adds and removes the routes of one node without a complete pass', async () => {
      const { metrics } = await ready();
      const passes = metrics.get('resyncs');
      node.api.nodes.put(nodeObject(4) as never);
      await eventually(() => expect(ownRoutes()).toEqual(routesTo(2, 3, 4)));
      node.api.nodes.delete('n2');
      await eventually(() => expect(ownRoutes()).toEqual(routesTo(3, 4)));
      expect(metrics.get('resyncs')).toBe(passes);
    });

    test('kubernetes/kubernetes#98359: Agent follows a changed podCIDR and a changed InternalIP', async () => {
      await ready();
      const moved = nodeObject(2, ['10.244.200.0/24']);
      moved.status.addresses = [{ type: 'InternalIP', address: '192.0.2.22' }];
      node.api.nodes.put(moved as never);
      await eventually(() =>
        expect(ownRoutes()).toEqual(['10.244.200.0/24 via 192.0.2.22', ...routesTo(3)].sort()),
      );
      await eventually(() => expect(run('ipset', 'save')).toContain('10.244.200.0/24'));
      expect(run('ipset', 'save')).not.toContain('10.244.2.0');
    });

    test('flannel-io/flannel#801, #1145: Agent restores routes that were deleted or changed manually', async () => {
      await ready();
      run('ip', 'route', 'del', '10.244.2.0/24');
      run('ip', '-6', 'route', 'del', 'fd00:10:244:3::/64');
      run('ip', 'route', 'change', '10.244.3.0/24', 'via', '192.0.2.99', 'proto', '201');
      await eventually(() => expect(ownRoutes()).toEqual(routesTo(2, 3)));
    });

    test('systemd/systemd#25451: Agent restores routes that another program purges', async () => {
      await ready();
      run('ip', 'route', 'flush', 'proto', '201');
      run('ip', '-6', 'route', 'flush', 'proto', '201');
      await eventually(() => expect(ownRoutes()).toEqual(routesTo(2, 3)));
    });

    test('Agent restores the routes of an interface that was down, although the kernel sends no events for their removal', async () => {
      await ready();
      run('ip', 'link', 'set', 'eth0', 'down');
      await eventually(() => expect(ownRoutes()).toEqual([]));
      run('ip', 'link', 'set', 'eth0', 'up');
      run('ip', '-6', 'address', 'replace', '2001:db8::1/64', 'dev', 'eth0', 'nodad');
      await eventually(() => expect(ownRoutes()).toEqual(routesTo(2, 3)));
    });

    test('Agent restores forwarding at once when another program disables it on one link or on all', async () => {
      const { metrics } = await ready();
      const passes = metrics.get('resyncs');
      const read = (key: string): string => run('sysctl', '-n', key).trim();
      for (const key of [
        'net.ipv4.conf.eth0.forwarding',
        'net.ipv4.ip_forward',
        'net.ipv6.conf.all.forwarding',
      ]) {
        run('sysctl', '-qw', `${key}=0`);
        await eventually(() => expect(read(key)).toBe('1'));
      }
      expect(metrics.get('resyncs')).toBe(passes);
    });

    test('Agent finds a hot-plugged link that may live by router advertisements at once', async () => {
      await ready();
      run('ip', 'link', 'add', 'link', 'eth0', 'name', 'hot0', 'type', 'macvlan');
      try {
        await eventually(() => expect(run('sysctl', '-n', 'net.ipv6.conf.hot0.accept_ra').trim()).toBe('2'));
      } finally {
        run('ip', 'link', 'del', 'hot0');
      }
    });

    test('Agent keeps foreign routes and reports a conflicting one', async () => {
      run('ip', 'route', 'add', '10.244.2.0/24', 'via', '192.0.2.77');
      run('ip', 'route', 'add', '198.51.100.0/24', 'via', '192.0.2.78');
      await ready();
      expect(run('ip', 'route', 'show', '10.244.2.0/24')).toMatch(
        /^10.244.2.0\/24 via 192.0.2.77 dev eth0 *\n$/,
      );
      expect(run('ip', 'route', 'show', '198.51.100.0/24')).toContain('192.0.2.78');
      expect(node.lines.join('\n')).toMatch(/foreign route conflicts with 10.244.2.0\/24/);
      run('ip', 'route', 'del', '10.244.2.0/24');
      await eventually(() => expect(ownRoutes()).toEqual(routesTo(2, 3)));
      run('ip', 'route', 'replace', '10.244.3.0/24', 'via', '192.0.2.77');
      await eventually(() => expect(node.lines.join('\n')).toMatch(/conflicts with 10.244.3.0\/24/));
      expect(run('ip', 'route', 'show', '10.244.3.0/24')).toContain('192.0.2.77');
    });

    test('Agent changes no route, rule or file at a restart', async () => {
      const first = await ready();
      await first.stop();
      const [writes, lines] = [node.writes.length, node.lines.length];
      const ended = new AbortController();
      const seen: string[] = [];
      const listening = (async () => {
        for await (const event of monitor({ groups: ['ipv4-route', 'ipv6-route'], signal: ended.signal })) {
          // The kernel adds routes of its links when duplicate address detection ends.
          if (event.type !== 'route' || event.route.protocol === 201) {
            seen.push(event.type);
          }
        }
      })();
      await ready();
      ended.abort();
      await listening;
      expect(seen).toEqual([]);
      expect(node.writes.length).toBe(writes);
      expect(node.lines.slice(lines)).toEqual(['The data path is programmed']);
    });

    test('flannel-io/flannel#2554: Agent repairs at its start what changed while it was down', async () => {
      const first = await ready();
      await first.stop();
      node.api.nodes.delete('n2');
      node.api.nodes.put(nodeObject(5) as never);
      run('ip', 'route', 'del', '10.244.3.0/24');
      await ready();
      expect(ownRoutes()).toEqual(routesTo(3, 5));
    });

    test('flannel-io/flannel#2116: Agent.resync() restores flushed rules and the first place in FORWARD', async () => {
      const { agent } = await ready();
      run('iptables', '-I', 'FORWARD', '1', '-j', 'REJECT');
      run('iptables', '-t', 'nat', '-F');
      agent.resync();
      const forward = run('iptables', '-S', 'FORWARD').trim().split('\n');
      expect(forward[1]).toContain('-j CNIKIT-FORWARD');
      expect(forward[2]).toContain('-j REJECT');
      expect(run('iptables-save', '-t', 'nat')).toMatch(/-A POSTROUTING .*-j CNIKIT-POSTROUTING/);
    });

    test('cloudnativelabs/kube-router#1370, plugins#683: Agent.checkRules() restores rules that were flushed or preceded', async () => {
      await ready();
      const whole = (): void => {
        expect(run('iptables', '-S', 'FORWARD').split('\n')[1]).toContain('-j CNIKIT-FORWARD');
        expect(run('iptables-save', '-t', 'nat')).toMatch(/-A POSTROUTING .*-j CNIKIT-POSTROUTING/);
        expect(run('ip6tables-save')).toMatch(/-A CNIKIT-MASQ .*-j MASQUERADE/);
      };
      whole();
      const damages: [string, ...string[]][] = [
        ['iptables', '-F', 'FORWARD'],
        ['iptables', '-t', 'nat', '-F'],
        ['ip6tables', '-t', 'nat', '-F', 'CNIKIT-MASQ'],
        ['iptables', '-I', 'FORWARD', '1', '-j', 'REJECT'],
        ['nft', 'flush', 'ruleset'],
      ];
      for (const damage of damages) {
        run(...damage);
        expect(whole).toThrow();
        await eventually(whole);
      }
    });

    test('Agent ends its passes over the rules after foreign changes and its own writes', async () => {
      const { metrics } = await ready();
      const passes = (): number =>
        Number(/sync_duration_seconds_count\{scope="event"\} (\d+)/.exec(metrics.text())?.[1] ?? 0);
      node.api.nodes.put(nodeObject(9) as never);
      await eventually(() => expect(run('ipset', 'save')).toContain('10.244.9.0/24'));
      await eventually(() => expect(node.lines.join()).toContain('10.244.9.0/24'));
      run('iptables', '-t', 'nat', '-N', 'KUBE-SERVICES');
      for (let i = 0; i < 20; i++) {
        run('iptables', '-t', 'nat', '-A', 'KUBE-SERVICES', '-d', `10.96.0.${i}`, '-j', 'RETURN');
      }
      // Until nothing comes for longer than the pause between two looks at the rules.
      let [before, same] = [-1, 0];
      await vi.waitFor(
        () => {
          same = passes() === before ? same + 1 : 0;
          before = passes();
          expect(same).toBeGreaterThan(8);
        },
        { timeout: 60_000, interval: 300 },
      );
      const { length } = node.lines;
      run('iptables', '-t', 'nat', '-A', 'KUBE-SERVICES', '-d', '10.96.0.99', '-j', 'RETURN');
      run('iptables', '-A', 'FORWARD', '-s', '203.0.113.0/24', '-j', 'ACCEPT');
      await eventually(() => expect(passes()).toBe(before + 1));
      expect(node.lines).toHaveLength(length);
    });

    test('kube-router#1370: Agent keeps place and counters of foreign rules', async () => {
      run('iptables', '-t', 'nat', '-N', 'OTHER');
      run('iptables', '-t', 'nat', '-A', 'POSTROUTING', '-j', 'OTHER');
      run('iptables', '-t', 'nat', '-A', 'OTHER', '-s', '203.0.113.0/24', '-j', 'RETURN');
      const { agent } = await ready();
      run('iptables', '-t', 'nat', '-F', 'CNIKIT-MASQ');
      agent.resync();
      expect(run('iptables', '-t', 'nat', '-S', 'CNIKIT-MASQ')).toContain('MASQUERADE');
      expect(run('iptables', '-t', 'nat', '-S', 'OTHER')).toBe(
        '-N OTHER\n-A OTHER -s 203.0.113.0/24 -j RETURN\n',
      );
    });

    test('flannel-io/flannel#1721: Agent reinstalls a plugin or conflist that was removed', async () => {
      const { agent } = await ready();
      rmSync(node.binDir, { recursive: true });
      rmSync(join(node.confDir, '05-cnikit.conflist'));
      agent.checkFiles();
      await eventually(() => expect(readConflist(node)).toMatchObject({ name: 'cnikit' }));
    });

    test('kubernetes/kubernetes#48638, gravitational/gravity#1017: Agent misses nothing when watches break or expire', async () => {
      await ready();
      node.api.faults.dropWatches();
      node.api.nodes.put(nodeObject(4) as never);
      await eventually(() => expect(ownRoutes()).toEqual(routesTo(2, 3, 4)));
      node.api.faults.dropWatches();
      node.api.nodes.delete('n3');
      node.api.faults.compact();
      await eventually(() => expect(ownRoutes()).toEqual(routesTo(2, 4)));
    });

    test('flannel-io/flannel#1134, kubernetes-sigs/kind#1461: Agent logs one line when the API server is unreachable, and changes nothing', async () => {
      await node.api.stop();
      const { agent } = node.start();
      await eventually(() =>
        expect(node.lines.join('\n')).toMatch(/warning: The API server does not answer/),
      );
      expect(agent.ready).toBe(false);
      await node.api.start();
      await eventually(() => expect(agent.ready).toBe(true));
      await node.api.stop();
      await eventually(() =>
        expect(node.lines.filter((line) => /does not answer/.test(line))).toHaveLength(2),
      );
      run('ip', 'route', 'del', '10.244.2.0/24');
      await eventually(() => expect(ownRoutes()).toEqual(routesTo(2, 3)));
      await node.api.start();
      node.api.nodes.put(nodeObject(4) as never);
      await eventually(() => expect(ownRoutes()).toEqual(routesTo(2, 3, 4)));
    });

    test('flannel-io/flannel#933: Agent writes nothing while idle and under heartbeats', async () => {
      const { agent, metrics } = await ready();
      const before = [node.writes.length, node.lines.length, metrics.get('changes')];
      for (let beat = 0; beat < 50; beat++) {
        const object = node.api.nodes.get('n2')!;
        (object as never as ReturnType<typeof nodeObject>).status.conditions[0]!.status =
          beat % 2 ? 'True' : 'Unknown';
        node.api.nodes.put(object);
      }
      node.api.nodes.put({ metadata: { name: 'n8' }, spec: {}, status: {} } as never);
      await eventually(() => expect(metrics.get('nodes')).toBe(4));
      agent.resync();
      expect([node.writes.length, metrics.get('changes')]).toEqual([before[0], before[2]]);
      expect(node.lines.slice(before[1] as number)).toEqual([
        expect.stringMatching(/Node n8 has no podCIDR yet/),
      ]);
    });
  },
);
