/**
 * Packets through a node with each back end of the packet filter, and through a change from one to the other: the
 * sandbox's own namespace is the node, with a pod on its bridge, and behind lan a node with a pod and a host that has no
 * route to pods.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createNetns, deleteNetns } from '@cnikit/netlink';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openKernel } from '../src/apply/netlink-kernel.ts';
import { openSets } from '../src/apply/sets.ts';
import { openPacketFilter } from '../src/cli/packet-filter.ts';
import { describe as text } from '../src/core/action.ts';
import type { PacketFilterMode } from '../src/core/backend.ts';
import { Metrics } from '../src/core/metrics.ts';
import type { NodeInfo } from '../src/core/model.ts';
import { after } from '../src/core/timers.ts';
import { NodeIndex } from '../src/desired/node-index.ts';
import { ruleChanges } from '../src/observe/rule-changes.ts';
import { Agent } from '../src/reconcile/agent.ts';
import { planNode } from '../src/reconcile/node-plan.ts';
import { endAll, run } from './live-node.ts';

const node = (n: number): NodeInfo => ({
  name: `n${n}`,
  uid: `uid-${n}`,
  created: `2026-01-01T00:00:0${n}Z`,
  podCIDRs: [`10.244.${n}.0/24`, `fd00:10:244:${n}::/64`],
  internalIPs: [`192.0.2.${n}`, `2001:db8::${n}`],
  rejected: [],
});
const NODES = [node(1), node(2)];
const OPTIONS = { nodeName: 'n1', nonMasquerade: [], resyncMs: 3_600_000 };

/** The table of firewalld, reduced to what decides about forwarded packets. */
const firewalld = (accepted: string): string => `table inet firewalld {
  chain filter_FORWARD {
    type filter hook forward priority filter + 10
    ct state established,related accept
    ct state invalid drop
    jump filter_FORWARD_ZONES
    reject with icmpx admin-prohibited
  }
  chain filter_FORWARD_ZONES {
    ${accepted}
  }
}`;

/** Waits until `check` does not throw. */
const eventually = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 30_000, interval: 10 });

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'The back ends on a full kernel (needs the sandbox: run npm test at the root)',
  () => {
    let stop: () => Promise<void>;
    let agent: Agent;
    const flows: ChildProcess[] = [];

    function host(name: string, last: number, gateway: boolean, [four, six]: [string, string]): void {
      createNetns(name);
      run('ip', 'netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0');
      run('ip', 'link', 'add', `port-${name}`, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      const inside = (...args: string[]): string => run('ip', '-n', name, ...args);
      inside('link', 'set', 'lo', 'up');
      inside('address', 'add', `${four}.${last}/24`, 'dev', 'eth0');
      inside('address', 'add', `${six}::${last}/64`, 'dev', 'eth0', 'nodad');
      inside('link', 'set', 'eth0', 'up');
      run('ip', 'link', 'set', `port-${name}`, 'up', 'master', gateway ? 'cni0' : 'lan');
      if (gateway) {
        inside('route', 'add', 'default', 'via', `${four}.1`);
        inside('route', 'add', 'default', 'via', `${six}::1`);
      }
    }

    beforeEach(() => {
      run('sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0');
      run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
      for (const [name, four, six] of [
        ['lan', '192.0.2.1/24', '2001:db8::1/64'],
        ['cni0', '10.244.1.1/24', 'fd00:10:244:1::1/64'],
      ] as const) {
        run('ip', 'link', 'add', name, 'up', 'type', 'bridge', 'mcast_snooping', '0');
        run('ip', 'address', 'add', four, 'dev', name);
        run('ip', 'address', 'add', six, 'dev', name, 'nodad');
      }
      host('pod', 5, true, ['10.244.1', 'fd00:10:244:1']);
      host('n2', 2, false, ['192.0.2', '2001:db8']);
      host('world', 9, false, ['192.0.2', '2001:db8']);
      run('ip', '-n', 'n2', 'address', 'add', '10.244.2.5/32', 'dev', 'lo');
      run('ip', '-n', 'n2', 'address', 'add', 'fd00:10:244:2::5/128', 'dev', 'lo', 'nodad');
      run('ip', '-n', 'n2', 'route', 'add', '10.244.1.0/24', 'via', '192.0.2.1');
      run('ip', '-n', 'n2', 'route', 'add', 'fd00:10:244:1::/64', 'via', '2001:db8::1');
      run('ip', 'route', 'add', 'default', 'via', '192.0.2.9');
      run('ip', 'route', 'add', 'default', 'via', '2001:db8::9');
    });

    afterEach(async () => {
      await stop();
      await endAll(flows.splice(0));
      for (const name of ['pod', 'n2', 'world']) {
        run('ip', 'link', 'delete', `port-${name}`);
        deleteNetns(name);
      }
      run('ip', 'link', 'delete', 'lan');
      run('ip', 'link', 'delete', 'cni0');
      run('nft', 'flush', 'ruleset');
      run('ipset', 'destroy');
    });

    const cni = { plan: () => [], apply: () => [], problems: () => [] };

    async function start(mode: PacketFilterMode): Promise<void> {
      const ended = new AbortController();
      const kernel = openKernel();
      const log = { info: () => undefined, warn: () => undefined };
      const filter = openPacketFilter(mode, {});
      const sets = openSets();
      agent = new Agent({ kernel, log, metrics: new Metrics(), after, ...filter, sets, cni }, OPTIONS);
      const changes = (async () => {
        for await (const _ of ruleChanges(ended.signal, filter.nftablesPort)) {
          agent.checkRules();
        }
      })();
      agent.setNodes(NODES);
      stop = async () => {
        ended.abort();
        agent.close();
        await changes;
        kernel.close();
      };
    }

    /** Returns the changes besides routes that `plan` finds. */
    function planned(mode: PacketFilterMode): string[] {
      const claims = new NodeIndex();
      for (const each of NODES) {
        claims.set(each);
      }
      const kernel = openKernel();
      const { host: plan, desired } = planNode(claims, OPTIONS, {
        ...openPacketFilter(mode, {}),
        sets: openSets(),
        kernel,
        cni,
      });
      kernel.close();
      return plan.plan(desired!).map(text);
    }

    const ping = (from: string, to: string): string =>
      run('ip', 'netns', 'exec', from, 'ping', '-n', '-c', '1', '-w', '30', to);

    /** Pods and nodes behind lan see the pod's address; a host without a route to pods is reached all the same. */
    function everythingPasses(): void {
      for (const to of ['10.244.2.5', 'fd00:10:244:2::5', '192.0.2.9', '2001:db8::9']) {
        ping('pod', to);
      }
      for (const to of ['10.244.1.5', 'fd00:10:244:1::5']) {
        ping('n2', to);
      }
    }
    /** The two directions of a flow: the second one shows the translation. */
    function flowTo(to: string): string {
      ping('pod', to);
      return run(
        'sh',
        '-c',
        `conntrack -L 2>/dev/null | grep -F ' src=10.244.1.5 dst=${to} type=8 ' | head -1`,
      );
    }
    const tables = (): string[] =>
      run('nft', 'list', 'tables')
        .split('\n')
        .filter((line) => line.includes('cnikit'));
    const ownIptables = (): string[] =>
      ['iptables-save', 'ip6tables-save'].flatMap((save) =>
        run(save)
          .split('\n')
          .filter((line) => line.includes('CNIKIT-')),
      );
    const ownSets = (): string[] => run('ipset', 'list', '-n').split('\n').filter(Boolean);

    test.each(['nftables', 'auto', 'iptables'] as const)(
      'Agent with --packet-filter=%s masquerades towards hosts and nodes only, and plan is empty',
      async (mode) => {
        await start(mode);
        everythingPasses();
        expect(flowTo('10.244.2.5')).toMatch(/src=10\.244\.2\.5 dst=10\.244\.1\.5 /);
        expect(flowTo('192.0.2.2')).toMatch(/src=192\.0\.2\.2 dst=192\.0\.2\.1 /);
        expect(flowTo('192.0.2.9')).toMatch(/src=192\.0\.2\.9 dst=192\.0\.2\.1 /);
        expect(planned(mode)).toEqual([]);
        expect(tables()).toEqual(mode === 'iptables' ? [] : ['table inet cnikit-agent']);
        expect(ownIptables().length > 0).toBe(mode === 'iptables');
        expect(ownSets().length > 0).toBe(mode === 'iptables');
      },
    );

    test('Agent with --packet-filter=auto also accepts pods in iptables once Docker drops what it forwards', async () => {
      await start('auto');
      expect(ownIptables()).toEqual([]);
      run('iptables', '-P', 'FORWARD', 'DROP');
      await eventually(() => expect(ownIptables().length).toBeGreaterThan(0));
      everythingPasses();
      expect(planned('auto')).toEqual([]);
      expect(run('ip6tables-save')).not.toContain('CNIKIT-');
      expect(run('iptables-save')).not.toContain('--comment');
      run('iptables', '-P', 'FORWARD', 'ACCEPT');
      await eventually(() => expect(ownIptables()).toEqual([]));
      everythingPasses();
    });

    test('Agent with --packet-filter=auto heeds exemptions from masquerading in iptables', async () => {
      await start('auto');
      run('ip', '-n', 'world', 'route', 'add', '10.244.1.0/24', 'via', '192.0.2.1');
      expect(flowTo('192.0.2.9')).toMatch(/src=192\.0\.2\.9 dst=192\.0\.2\.1 /);
      run('iptables', '-t', 'nat', '-A', 'POSTROUTING', '-d', '192.0.2.9', '-j', 'ACCEPT');
      await eventually(() => expect(tables()).toEqual([]));
      run('conntrack', '-F');
      expect(flowTo('192.0.2.9')).toMatch(/src=192\.0\.2\.9 dst=10\.244\.1\.5 /);
      expect(planned('auto')).toEqual([]);
      run('iptables', '-t', 'nat', '-F', 'POSTROUTING');
      await eventually(() => {
        expect(tables()).toEqual(['table inet cnikit-agent']);
        expect(ownIptables()).toEqual([]);
      });
    });

    /** As kube-proxy has them for a Service with a pod of another node, which it marks. */
    const proxies = {
      iptables: () => {
        const nat = (chain: string, ...rule: string[]): string =>
          run('iptables', '-t', 'nat', '-A', chain, ...rule);
        for (const chain of ['KUBE-POSTROUTING', 'KUBE-SERVICES']) {
          run('iptables', '-t', 'nat', '-N', chain);
        }
        nat('PREROUTING', '-j', 'KUBE-SERVICES');
        nat('KUBE-SERVICES', '-d', '10.96.0.1', '-j', 'MARK', '--or-mark', '0x4000');
        nat('KUBE-SERVICES', '-d', '10.96.0.1', '-j', 'DNAT', '--to-destination', '10.244.2.5');
        nat('POSTROUTING', '-j', 'KUBE-POSTROUTING');
        nat('KUBE-POSTROUTING', '-m', 'mark', '!', '--mark', '0x4000/0x4000', '-j', 'RETURN');
        nat('KUBE-POSTROUTING', '-j', 'MARK', '--xor-mark', '0x4000');
        nat('KUBE-POSTROUTING', '-j', 'MASQUERADE', '--random-fully');
      },
      nftables: () => {
        run(
          'nft',
          `table ip kube-proxy {
            chain services { ip daddr 10.96.0.1 meta mark set mark or 0x4000 dnat to 10.244.2.5 ; }
            chain nat-prerouting { type nat hook prerouting priority dstnat ; jump services ; }
            chain nat-postrouting { type nat hook postrouting priority srcnat ;
              mark and 0x4000 != 0 mark set mark xor 0x4000 masquerade fully-random ; }
            chain filter-forward { type filter hook forward priority -110 ; ct state invalid drop ; }
          }`,
        );
      },
    };

    test.each([
      ['iptables', 'iptables'],
      ['iptables', 'nftables'],
      ['nftables', 'iptables'],
      ['nftables', 'nftables'],
    ] as const)(
      'kube-proxy in %s mode masquerades the packets that it marks beside --packet-filter=%s',
      async (proxy, mode) => {
        proxies[proxy]();
        await start(mode);
        everythingPasses();
        ping('pod', '10.96.0.1');
        const flow = run('sh', '-c', "conntrack -L 2>/dev/null | grep -F 'dst=10.96.0.1 ' | head -1");
        expect(flow).toMatch(/src=10\.244\.2\.5 dst=192\.0\.2\.1 .*mark=0 /);
        expect(planned(mode)).toEqual([]);
      },
    );

    test('Agent with --packet-filter=nftables runs no program, and reports that Docker drops packets of pods', async () => {
      run('iptables', '-P', 'FORWARD', 'DROP');
      vi.stubEnv('PATH', '/nonexistent');
      try {
        await start('nftables');
      } finally {
        vi.unstubAllEnvs();
      }
      expect([...agent.problems].map(({ message }) => message)).toEqual([
        expect.stringMatching(/^Chain ip filter FORWARD drops .* Set --packet-filter=auto/),
      ]);
      expect(tables()).toEqual(['table inet cnikit-agent']);
      run('iptables', '-P', 'FORWARD', 'ACCEPT');
      await eventually(() => expect([...agent.problems]).toEqual([]));
      everythingPasses();
    });

    test.each([
      ['', 1],
      ['ip saddr 10.244.0.0/16 accept', 0],
      ['iifname "cni0" accept', 0],
    ])(
      'Agent reports a table of firewalld that drops packets of pods, with zones { %s }',
      async (accepted, count) => {
        run('nft', firewalld(accepted));
        await start('auto');
        const problems = [...agent.problems].map(({ message }) => message);
        expect(problems).toHaveLength(count);
        for (const problem of problems) {
          expect(problem).toMatch(/^Chain inet firewalld filter_FORWARD drops .* add the podCIDRs to a zone/);
        }
      },
    );

    test('Agent reports a table that begins to drop packets of pods without a resync, and that it stopped', async () => {
      await start('auto');
      const problems = () => [...agent.problems].map(({ message }) => message);
      expect(problems()).toEqual([]);
      run('nft', firewalld(''));
      await eventually(() =>
        expect(problems()).toEqual([expect.stringMatching(/^Chain inet firewalld filter_FORWARD drops/)]),
      );
      run('nft', 'insert rule inet firewalld filter_FORWARD_ZONES iifname "cni0" accept');
      await eventually(() => expect(problems()).toEqual([]));
      run('nft', 'flush chain inet firewalld filter_FORWARD_ZONES');
      await eventually(() => expect(problems()).toHaveLength(1));
      run('nft', 'delete table inet firewalld');
      await eventually(() => expect(problems()).toEqual([]));
    });

    test.each([
      'flush ruleset',
      'flush chain inet cnikit-agent postrouting',
      'flush set inet cnikit-agent pods4',
      'delete element inet cnikit-agent inside4 { 10.244.2.0/24 }',
    ])('Agent restores its nftables table at once after: nft %s', async (change) => {
      await start('nftables');
      const before = run('nft', 'list', 'table', 'inet', 'cnikit-agent');
      run('nft', change);
      await eventually(() => expect(run('nft', 'list', 'table', 'inet', 'cnikit-agent')).toBe(before));
      everythingPasses();
    });

    test('Agent adds a node to the nftables table as an element of each family', async () => {
      await start('nftables');
      run('ip', 'link', 'set', 'lan', 'up');
      agent.putNode(node(3));
      await eventually(() => {
        const table = run('nft', 'list', 'table', 'inet', 'cnikit-agent');
        expect(table).toContain('10.244.3.0/24');
        expect(table).toContain('fd00:10:244:3::/64');
      });
    });

    /** Starts a ping and a TCP stream from the pod to a host that needs masquerading. Returns their results. */
    async function startFlows(): Promise<() => Promise<{ lost: string; sent: number; received: number }>> {
      const inPod = ['netns', 'exec', 'pod'];
      const answers = spawn('ip', [
        ...inPod,
        'ping',
        '-n',
        '-i',
        '0.01',
        '-c',
        '3000',
        '-W',
        '5',
        '192.0.2.9',
      ]);
      const server = spawn('ip', [
        ...['netns', 'exec', 'world', 'socat', '-d', '-d'],
        ...['TCP-LISTEN:7000,bind=192.0.2.9,reuseaddr', 'EXEC:cat'],
      ]);
      flows.push(answers, server);
      let listening = '';
      server.stderr.on('data', (data) => {
        listening += data;
      });
      await eventually(() => expect(listening).toContain('listening on'));
      const client = spawn('ip', [...inPod, 'socat', '-', 'TCP:192.0.2.9:7000,connect-timeout=30']);
      flows.push(client);
      let [output, sent, received] = ['', 0, 0];
      answers.stdout.on('data', (data) => {
        output += data;
      });
      client.stdout.on('data', (data: Buffer) => {
        received += data.length;
      });
      const send = (): void => {
        client.stdin.write('x'.repeat(1000));
        sent += 1000;
      };
      const timer = setInterval(send, 5);
      await eventually(() => {
        expect(output).toContain('icmp_seq=2 ');
        expect(received).toBeGreaterThan(0);
      });
      return async () => {
        const before = received;
        await eventually(() => expect(received).toBeGreaterThan(before + 5000));
        clearInterval(timer);
        await eventually(() => expect(received).toBe(sent));
        const closed = once(answers, 'close');
        answers.kill('SIGINT');
        await closed;
        return { lost: / [\d.]+% packet loss/.exec(output)?.[0] ?? output, sent, received };
      };
    }

    test.each([
      ['iptables', 'nftables'],
      ['nftables', 'iptables'],
    ] as const)('Agent changes from %s to %s without losing a packet', async (from, to) => {
      await start(from);
      const results = await startFlows();
      await stop();
      await start(to);
      expect(planned(to)).toEqual([]);
      const { lost, sent, received } = await results();
      expect(lost).toBe(' 0% packet loss');
      expect(received).toBe(sent);
      everythingPasses();
      expect(tables()).toEqual(to === 'iptables' ? [] : ['table inet cnikit-agent']);
      expect(ownIptables().length > 0).toBe(to === 'iptables');
      expect(ownSets().length > 0).toBe(to === 'iptables');
    });
  },
);
