/**
 * Packets through a node whose firewall drops what it forwards, and beside kube-proxy: the sandbox's own namespace is
 * the node, with a pod on its bridge, another node with a pod behind its eth0, and a host of the world there too.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { createNetns, deleteNetns } from '@cnikit/netlink';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openKernel } from '../src/apply/netlink-kernel.ts';
import { createRules } from '../src/apply/rules.ts';
import { openSets } from '../src/apply/sets.ts';
import { openPacketFilter, type PacketFilterDeps } from '../src/cli/packet-filter.ts';
import { Metrics } from '../src/core/metrics.ts';
import type { NodeInfo } from '../src/core/model.ts';
import { after } from '../src/core/timers.ts';
import { ruleChanges } from '../src/observe/rule-changes.ts';
import { Agent, type AgentOptions } from '../src/reconcile/agent.ts';
import { eventually, ownRoutes, run } from './live-node.ts';
import { plugin } from './pods.ts';

const node = (n: number): NodeInfo => ({
  name: `n${n}`,
  uid: `uid-${n}`,
  created: `2026-01-01T00:00:0${n}Z`,
  podCIDRs: [`10.244.${n}.0/24`, `fd00:10:244:${n}::/64`],
  internalIPs: [`192.0.2.${n}`, `2001:db8::${n}`],
  rejected: [],
});

const withoutCounters = (saved: string): string[] =>
  saved.split('\n').flatMap((line) => (line.startsWith('#') ? [] : line.replace(/\[\d+:\d+\]/, '')));

/** Without this, link-local addresses, the source of neighbour solicitations, are unusable for a second or two. */
const withoutDad: [string, ...string[]] = ['sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0'];

/** The rules of dockerd, which drop all packets that its own rules do not accept. */
const docker = `*filter
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER-USER -j RETURN
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
COMMIT
`;
/** As ufw has them with its default for routed packets, deny, and with a rule that rejects before the policy does. */
const ufw = `*filter
:FORWARD DROP [0:0]
:ufw-before-forward - [0:0]
:ufw-after-forward - [0:0]
:ufw-reject-forward - [0:0]
-A FORWARD -j ufw-before-forward
-A FORWARD -j ufw-after-forward
-A FORWARD -j ufw-reject-forward
-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-reject-forward -j REJECT
COMMIT
`;
/** The rules of kube-proxy in iptables mode for forwarded and translated packets. */
const kubeProxy = `*filter
:KUBE-FORWARD - [0:0]
:KUBE-FIREWALL - [0:0]
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
:KUBE-POSTROUTING - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
COMMIT
`;
/** Its sets in ipvs mode, which replace the rules of each Service, and the rules that match them. */
const ipvsSets = `create KUBE-CLUSTER-IP hash:ip,port family inet
create KUBE-EXTERNAL-IP hash:ip,port family inet
create KUBE-IPVS-IPS hash:ip family inet
create KUBE-LOOP-BACK hash:ip,port,ip family inet
create KUBE-NODE-PORT-TCP bitmap:port range 0-65535
add KUBE-CLUSTER-IP 10.96.0.1,tcp:80
add KUBE-IPVS-IPS 10.96.0.1
add KUBE-NODE-PORT-TCP 30080
add KUBE-LOOP-BACK 10.244.1.5,tcp:8080,10.244.1.5
`;
const ipvsRules = `*filter
:KUBE-FORWARD - [0:0]
:KUBE-IPVS-FILTER - [0:0]
-A INPUT -m comment --comment "kubernetes ipvs access filter" -j KUBE-IPVS-FILTER
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KUBE-IPVS-FILTER -m set --match-set KUBE-CLUSTER-IP dst,dst -j RETURN
-A KUBE-IPVS-FILTER -m set --match-set KUBE-EXTERNAL-IP dst,dst -j RETURN
-A KUBE-IPVS-FILTER -m conntrack --ctstate NEW -m set --match-set KUBE-IPVS-IPS dst -j REJECT
COMMIT
*nat
:KUBE-POSTROUTING - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-NODE-PORT - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-SERVICES ! -s 10.244.0.0/16 -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT
-A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT
-A KUBE-NODE-PORT -p tcp -m set --match-set KUBE-NODE-PORT-TCP dst -j KUBE-MARK-MASQ
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-POSTROUTING -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
COMMIT
`;

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')(
  'The rules of a node (needs the sandbox: run npm test at the root)',
  () => {
    const lines: string[] = [];
    let stop: () => Promise<void>;
    let conflist = '';

    /** A namespace with both addresses on eth0, whose other end is `port`. */
    function host(
      name: string,
      port: string,
      last: number,
      gateway: string | undefined,
      net: [string, string],
    ): void {
      createNetns(name);
      run('ip', 'netns', 'exec', name, ...withoutDad);
      run('ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
      const inside = (...args: string[]): string => run('ip', '-n', name, ...args);
      inside('link', 'set', 'lo', 'up');
      inside('address', 'add', `${net[0]}.${last}/24`, 'dev', 'eth0');
      inside('address', 'add', `${net[1]}::${last}/64`, 'dev', 'eth0', 'nodad');
      inside('link', 'set', 'eth0', 'up');
      run('ip', 'link', 'set', port, 'up');
      if (gateway === undefined) {
        return;
      }
      inside('route', 'add', 'default', 'via', `${net[0]}.${gateway}`);
      inside('route', 'add', 'default', 'via', `${net[1]}::${gateway}`);
    }

    beforeEach(() => {
      run(...withoutDad);
      run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
      for (const name of ['lan', 'cni0']) {
        run('ip', 'link', 'add', name, 'type', 'bridge', 'mcast_snooping', '0');
      }
      run('ip', 'link', 'set', 'lan', 'up');
      run('ip', 'link', 'set', 'cni0', 'up');
      run('ip', 'address', 'add', '192.0.2.1/24', 'dev', 'lan');
      run('ip', 'address', 'add', '2001:db8::1/64', 'dev', 'lan', 'nodad');
      run('ip', 'address', 'add', '10.244.1.1/24', 'dev', 'cni0');
      run('ip', 'address', 'add', 'fd00:10:244:1::1/64', 'dev', 'cni0', 'nodad');
      host('pod', 'port-pod', 5, '1', ['10.244.1', 'fd00:10:244:1']);
      host('n2', 'port-n2', 2, undefined, ['192.0.2', '2001:db8']);
      host('world', 'port-world', 9, undefined, ['192.0.2', '2001:db8']);
      run('ip', 'link', 'set', 'port-pod', 'master', 'cni0');
      for (const port of ['port-n2', 'port-world']) {
        run('ip', 'link', 'set', port, 'master', 'lan');
      }
      // The world is behind n9, which is not a node: it does not reply to packets from a pod's own address.
      run('ip', '-n', 'world', 'address', 'add', '203.0.113.9/32', 'dev', 'lo');
      run('ip', '-n', 'world', 'address', 'add', '2001:db8:113::9/128', 'dev', 'lo', 'nodad');
      run('ip', 'route', 'add', 'default', 'via', '192.0.2.9');
      run('ip', 'route', 'add', 'default', 'via', '2001:db8::9');
      // n2 knows the pods of n1, and has its own pod.
      run('ip', '-n', 'n2', 'address', 'add', '10.244.2.5/32', 'dev', 'lo');
      run('ip', '-n', 'n2', 'address', 'add', 'fd00:10:244:2::5/128', 'dev', 'lo', 'nodad');
      run('ip', '-n', 'n2', 'route', 'add', '10.244.1.0/24', 'via', '192.0.2.1');
      run('ip', '-n', 'n2', 'route', 'add', 'fd00:10:244:1::/64', 'via', '2001:db8::1');
    });

    afterEach(async () => {
      await stop();
      for (const name of ['pod', 'n2', 'world']) {
        run('ip', 'link', 'delete', `port-${name}`);
        deleteNetns(name);
      }
      for (const name of ['lan', 'cni0']) {
        run('ip', 'link', 'delete', name);
      }
      run('nft', 'flush', 'ruleset');
      run('ipset', 'destroy');
    });

    /** Starts an agent; `withSets`: its rules match sets. `filter`: its back ends. */
    function start(
      withSets = true,
      options: Partial<AgentOptions> = {},
      filter: Partial<PacketFilterDeps> = {},
    ): void {
      const sets = withSets ? openSets() : undefined;
      const ended = new AbortController();
      const kernel = openKernel();
      const log = {
        info: (_: object, message: string) => void lines.push(message),
        warn: (_: object, message: string) => void lines.push(`warning: ${message}`),
      };
      const apply = (text?: string): [] => {
        conflist = text ?? '';
        return [];
      };
      const cni = { plan: () => [], apply, problems: () => [] };
      const agent = new Agent(
        { kernel, log, metrics: new Metrics(), after, rules: createRules({}), ...filter, sets, cni },
        { nodeName: 'n1', nonMasquerade: [], resyncMs: 3_600_000, ...options },
      );
      const changes = (async () => {
        for await (const _ of ruleChanges(ended.signal, filter.nftablesPort)) {
          agent.checkRules();
        }
      })();
      const events = (async () => {
        for await (const event of kernel.events(ended.signal)) {
          agent.onKernel(event);
        }
      })();
      agent.setNodes([node(1), node(2)]);
      stop = async () => {
        ended.abort();
        agent.close();
        await Promise.all([changes, events]);
        kernel.close();
      };
    }

    const restore = (rules: string): void => {
      const six = rules.replaceAll('icmp-', 'icmp6-');
      run(
        'sh',
        '-c',
        `iptables-restore --noflush <<'E'\n${rules}E\nip6tables-restore --noflush <<'E'\n${six}E\n`,
      );
    };
    /** Pings until there is an answer. */
    const ping = (from: string, to: string, ...patience: string[]): string =>
      run(
        'ip',
        'netns',
        'exec',
        from,
        'ping',
        '-n',
        '-c',
        '1',
        ...(patience.length > 0 ? patience : ['-w', '30']),
        to,
      );
    /** Pings with one packet, which should get no answer. */
    const pingOnce = (from: string, to: string): string => ping(from, to, '-W', '2');

    function everythingPasses(): void {
      for (const to of ['10.244.2.5', 'fd00:10:244:2::5']) {
        ping('pod', to);
      }
      for (const to of ['10.244.1.5', 'fd00:10:244:1::5']) {
        ping('n2', to);
      }
      for (const to of ['203.0.113.9', '2001:db8:113::9']) {
        ping('pod', to);
      }
    }

    test.each([
      ['Docker', docker],
      ['ufw', ufw],
    ])(
      'flannel-io/flannel#2116: Agent connects pods in both directions under the rules of %s, in either start order',
      async (_, rules) => {
        restore(rules);
        run('ip', 'route', 'add', '10.244.2.0/24', 'via', '192.0.2.2');
        expect(() => pingOnce('pod', '10.244.2.5')).toThrow();
        run('ip', 'route', 'del', '10.244.2.0/24');
        start();
        everythingPasses();
        // The firewall is loaded again, and puts its rules before ours.
        for (const command of ['iptables', 'ip6tables']) {
          run(command, '-F', 'FORWARD');
          run(command, '-I', 'FORWARD', '1', '-j', 'REJECT');
        }
        await eventually(() => {
          for (const command of ['iptables', 'ip6tables']) {
            expect(run(command, '-S', 'FORWARD').split('\n')[1]).toContain('-j CNIKIT-FORWARD');
          }
        });
        everythingPasses();
      },
    );

    test('Agent accepts pod traffic only behind the decisions of other programs', async () => {
      // A Service without endpoints in kube-proxy's iptables mode, and a policy engine that was never heard of.
      restore(
        `*filter
:KUBE-SERVICES - [0:0]
:ACME-POLICY - [0:0]
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -p icmp -m comment --comment "default/empty has no endpoints" -j REJECT
-A FORWARD -j ACME-POLICY
-A FORWARD -j REJECT --reject-with icmp-port-unreachable
COMMIT
`.replaceAll('-p icmp', '-p udp'),
      );
      start();
      everythingPasses();
      for (const [command, address] of [
        ['iptables', '203.0.113.9'],
        ['ip6tables', '2001:db8:113::9'],
      ] as const) {
        run(command, '-I', 'ACME-POLICY', '-d', address, '-j', 'DROP');
        expect(() => pingOnce('pod', address)).toThrow();
        run(command, '-F', 'ACME-POLICY');
        ping('pod', address);
        const forward = run(command, '-S', 'FORWARD').trim().split('\n');
        expect(forward.map((line) => / -j (\S+)/.exec(line)?.[1])).toEqual([
          undefined,
          'KUBE-SERVICES',
          'ACME-POLICY',
          'CNIKIT-FORWARD',
          'REJECT',
        ]);
      }
    });

    test.each([
      ['sets', true],
      ['rules alone', false],
    ])('Agent masquerades pods only towards destinations outside the cluster, with %s', (_, withSets) => {
      start(withSets);
      expect(run('iptables-save', '-t', 'nat').includes('--match-set')).toBe(withSets);
      /** The two directions of a flow, as connection tracking has them: the second shows the translation. */
      const flow = (to: string): string => {
        ping('pod', to);
        return run(
          'sh',
          '-c',
          `conntrack -L 2>/dev/null | grep -F ' src=10.244.1.5 dst=${to} type=8 ' | head -1`,
        );
      };
      expect(flow('10.244.2.5')).toMatch(/src=10\.244\.2\.5 dst=10\.244\.1\.5 /);
      expect(flow('192.0.2.2')).toMatch(/src=192\.0\.2\.2 dst=192\.0\.2\.1 /);
      expect(flow('203.0.113.9')).toMatch(/src=203\.0\.113\.9 dst=192\.0\.2\.1 /);
    });

    /** A second network of this node: a link `port-x` to the host `world`, which has no route to pods. */
    function secondNetwork(): void {
      run('ip', 'link', 'add', 'port-x', 'type', 'veth', 'peer', 'name', 'eth1', 'netns', 'world');
      run('ip', '-n', 'world', 'address', 'add', '198.51.100.9/24', 'dev', 'eth1');
      run('ip', '-n', 'world', 'address', 'add', '2001:db8:100::9/64', 'dev', 'eth1', 'nodad');
      run('ip', '-n', 'world', 'link', 'set', 'eth1', 'up');
      run('ip', 'address', 'add', '198.51.100.1/24', 'dev', 'port-x');
      run('ip', 'address', 'add', '2001:db8:100::1/64', 'dev', 'port-x', 'nodad');
      run('ip', 'link', 'set', 'port-x', 'up');
    }

    test.each([
      ['a second network', [], ['198.51.100.9', '2001:db8:100::9']],
      [
        'static routes',
        ['route add 203.0.113.0/24 via 198.51.100.9', '-6 route add 2001:db8:113::/48 via 2001:db8:100::9'],
        ['203.0.113.9', '2001:db8:113::9'],
      ],
      [
        'the halves of a default route, as OpenVPN adds them',
        [
          'route add 0.0.0.0/1 via 198.51.100.9',
          'route add 128.0.0.0/1 via 198.51.100.9',
          '-6 route add ::/1 via 2001:db8:100::9',
        ],
        ['203.0.113.9', '2001:db8:113::9'],
      ],
      [
        'the policy rule of wg-quick',
        [
          'route add default via 198.51.100.9 table 51820',
          'rule add not fwmark 0xca6c table 51820',
          'rule add table main suppress_prefixlength 0',
          '-6 route add default via 2001:db8:100::9 table 51820',
          '-6 rule add not fwmark 0xca6c table 51820',
          '-6 rule add table main suppress_prefixlength 0',
        ],
        ['203.0.113.9', '2001:db8:113::9'],
      ],
    ])('Agent masquerades pods that leave by %s', (_, commands, hosts) => {
      secondNetwork();
      try {
        run('ip', 'route', 'del', 'default');
        run('ip', '-6', 'route', 'del', 'default');
        for (const command of commands) {
          run('ip', ...command.split(' '));
        }
        start();
        for (const to of hosts) {
          ping('pod', to);
        }
      } finally {
        for (const command of commands.filter((line) => line.includes('rule add'))) {
          run('ip', ...command.replace(' add ', ' del ').split(' '));
        }
        run('ip', 'link', 'delete', 'port-x');
      }
    });

    test.each([
      ['destination', true],
      ['egress', false],
    ] as const)(
      'Agent masquerades pods that ask a NodePort of another node, where kube-proxy takes the cluster CIDR for local: --masquerade=%s',
      (masquerade, works) => {
        // As with externalTrafficPolicy: Local. A local source may get an endpoint of any node, such as one of
        // n1, whose reply would bypass the NAT of n2. Others get an endpoint of n2.
        const nat = (...rule: string[]): string =>
          run('ip', 'netns', 'exec', 'n2', 'iptables', '-t', 'nat', '-A', 'PREROUTING', ...rule);
        const asked = ['-p', 'icmp', '-d', '192.0.2.2', '-j', 'DNAT', '--to-destination'];
        nat('-s', '10.244.0.0/16', ...asked, '10.244.1.6');
        nat(...asked, '10.244.2.5');
        start(true, { masquerade });
        if (works) {
          ping('pod', '192.0.2.2');
        } else {
          expect(() => pingOnce('pod', '192.0.2.2')).toThrow();
        }
      },
    );

    test('Agent migrates from --masquerade=egress without interrupting a flow', async () => {
      start(true, { masquerade: 'egress' });
      expect(run('iptables', '-t', 'nat', '-S', 'CNIKIT-POSTROUTING')).toContain('-o lan');
      expect(run('ipset', 'list', 'cnikit-inside-ipv4')).toContain('192.0.2.2');
      const flow = spawn('ip', [
        ...['netns', 'exec', 'pod', 'ping', '-n', '-i', '0.01', '-c', '100', '-W', '2', '192.0.2.2'],
      ]);
      let answers = '';
      flow.stdout.on('data', (text) => {
        answers += text;
      });
      await eventually(() => expect(answers).toContain('icmp_seq=2 '));
      await stop();
      start();
      await once(flow, 'close');
      expect(answers).toMatch(/ 0% packet loss/);
      expect(run('iptables', '-t', 'nat', '-S', 'CNIKIT-POSTROUTING')).not.toContain('-o ');
      expect(run('ipset', 'list', 'cnikit-inside-ipv4')).not.toContain('192.0.2.2');
      everythingPasses();
    });

    test('Agent keeps the rules of kube-proxy, and kube-proxy masquerades the packets that it marks', () => {
      restore(kubeProxy);
      // As kube-proxy marks a packet to a Service of another node's pod.
      run('iptables', '-t', 'nat', '-A', 'KUBE-SERVICES', '-d', '10.96.0.1', '-j', 'KUBE-MARK-MASQ');
      run(
        'iptables',
        '-t',
        'nat',
        '-A',
        'KUBE-SERVICES',
        '-d',
        '10.96.0.1',
        '-j',
        'DNAT',
        '--to-destination',
        '10.244.2.5',
      );
      const kube = (): string[] =>
        ['filter', 'nat'].flatMap((table) =>
          run('iptables-save', '-t', table)
            .split('\n')
            .filter((line) => /KUBE-/.test(line) && !line.startsWith(':')),
        );
      const before = kube();
      start();
      everythingPasses();
      ping('pod', '10.96.0.1');
      const flow = run('sh', '-c', "conntrack -L 2>/dev/null | grep -F 'dst=10.96.0.1 ' | head -1");
      expect(flow).toMatch(/src=10\.244\.2\.5 dst=192\.0\.2\.1 /);
      expect(kube()).toEqual(before);
      const postrouting = run('iptables', '-t', 'nat', '-S', 'POSTROUTING').trim().split('\n');
      expect(postrouting.at(-1)).toContain('CNIKIT-POSTROUTING');
    });

    test('Agent keeps the tables of kube-proxy in nftables mode, and Services work', () => {
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
      const before = run('nft', 'list', 'table', 'ip', 'kube-proxy');
      start();
      everythingPasses();
      ping('pod', '10.96.0.1');
      expect(run('nft', 'list', 'table', 'ip', 'kube-proxy')).toBe(before);
    });

    describe.skipIf(process.env.CNIKIT_FULL_KERNEL !== '1')(
      'kube-proxy in ipvs mode beside us, on a full kernel (run npm run check:kernels)',
      () => {
        const servers: ChildProcess[] = [];

        beforeEach(() => {
          run('modprobe', '-a', 'ip_vs', 'ip_vs_rr');
          run('sysctl', '-qw', 'net.ipv4.vs.conntrack=1', 'net.ipv4.vs.expire_nodest_conn=1');
          run('ip', 'link', 'add', 'kube-ipvs0', 'type', 'dummy');
          run('ip', 'address', 'add', '10.96.0.1/32', 'dev', 'kube-ipvs0');
          run('sh', '-c', `ipset restore <<'E'\n${ipvsSets}E\n`);
          run('sh', '-c', `iptables-restore --noflush <<'E'\n${ipvsRules}E\n`);
        });

        afterEach(async () => {
          for (const server of servers.splice(0)) {
            const exit = once(server, 'exit');
            server.kill();
            await exit;
          }
          run('ipvsadm', '-C');
          run('ip', 'link', 'delete', 'kube-ipvs0');
          run('nft', 'flush', 'ruleset');
          run('ipset', 'destroy');
        });

        /** Starts a TCP server in a namespace that replies with the client's address. */
        async function serve(where: string, address: string): Promise<void> {
          const listen = `TCP-LISTEN:8080,bind=${address},reuseaddr,fork`;
          const argv = ['netns', 'exec', where, 'socat', '-d', '-d', listen, 'SYSTEM:echo $SOCAT_PEERADDR'];
          const server = spawn('ip', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
          servers.push(server);
          for await (const line of createInterface({ input: server.stderr })) {
            if (/listening on/.test(line)) {
              break;
            }
          }
        }
        const ask = (from: string, to: string): string =>
          run('ip', 'netns', 'exec', from, 'socat', '-T', '3', '-', `TCP:${to},connect-timeout=3`).trim();
        const service = (at: string, ...endpoints: string[]): void => {
          run('ipvsadm', '-A', '-t', at, '-s', 'rr');
          for (const endpoint of endpoints) {
            run('ipvsadm', '-a', '-t', at, '-r', endpoint, '-m');
          }
        };

        /** Starts servers, then the agent, and asks Services with endpoints on each node and outside of the cluster. */
        async function reachesServices(begin: () => void): Promise<void> {
          await serve('pod', '10.244.1.5');
          await serve('n2', '10.244.2.5');
          await serve('world', '203.0.113.9');
          begin();
          everythingPasses();
          // Another node's pod sees the client's address.
          service('10.96.0.1:80', '10.244.2.5:8080');
          expect(ask('pod', '10.96.0.1:80')).toBe('10.244.1.5');
          // A pod that asks itself sees the node.
          run('ipvsadm', '-e', '-t', '10.96.0.1:80', '-r', '10.244.2.5:8080', '-m', '-w', '0');
          run('ipvsadm', '-a', '-t', '10.96.0.1:80', '-r', '10.244.1.5:8080', '-m');
          expect(ask('pod', '10.96.0.1:80')).toMatch(/^(10\.244\.1\.1|192\.0\.2\.1)$/);
          // An endpoint outside of the cluster sees the node.
          run('ipvsadm', '-D', '-t', '10.96.0.1:80');
          service('10.96.0.1:80', '203.0.113.9:8080');
          expect(ask('pod', '10.96.0.1:80')).toBe('192.0.2.1');
          // From outside by a port of the node.
          service('192.0.2.1:30080', '10.244.1.5:8080');
          expect(ask('n2', '192.0.2.1:30080')).toMatch(/^(10\.244\.1\.1|192\.0\.2\.1)$/);
          everythingPasses();
        }

        test('Services of kube-proxy in ipvs mode reach pods of all nodes beside the rules of Docker', async () => {
          restore(docker);
          await reachesServices(() => start());
        });

        test('Services of kube-proxy in ipvs mode reach pods of all nodes beside --packet-filter=nftables', async () => {
          await reachesServices(() => start(true, {}, openPacketFilter('nftables', {})));
          expect(run('nft', 'list', 'tables')).toContain('table inet cnikit-agent');
          expect(run('iptables-save')).not.toContain('CNIKIT-');
        });

        test('A host port yields to a Service of kube-proxy in ipvs mode beside --packet-filter=nftables', async () => {
          await serve('pod', '10.244.1.5');
          await serve('n2', '10.244.2.5');
          start(true, {}, openPacketFilter('nftables', {}));
          service('10.96.0.1:80', '10.244.2.5:8080');
          const input = JSON.stringify({
            cniVersion: '1.0.0',
            name: 'ports',
            type: 'portmap',
            runtimeConfig: { portMappings: [{ hostPort: 80, containerPort: 8080, protocol: 'tcp' }] },
            prevResult: {
              cniVersion: '1.0.0',
              interfaces: [{ name: 'eth0', sandbox: '/run/netns/pod' }],
              ips: [{ address: '10.244.1.5/24', interface: 0 }],
            },
          });
          const env = { ...process.env, CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'pod', CNI_IFNAME: 'eth0' };
          const { stdout, status } = spawnSync(plugin, {
            argv0: 'portmap',
            env: { ...env, CNI_NETNS: '/run/netns/pod', CNI_PATH: '/' },
            input,
            encoding: 'utf8',
          });
          expect([status, stdout]).toEqual([0, expect.any(String)]);
          // The pod of n2 and that of the host port print the address that they see.
          expect(ask('n2', '192.0.2.1:80')).toBe('192.0.2.2');
          expect(ask('pod', '10.96.0.1:80')).toBe('10.244.1.5');
        });

        test('Agent ignores Services of kube-proxy in ipvs mode', async () => {
          start();
          const before = { routes: ownRoutes(), rules: run('iptables-save'), conflist, lines: [...lines] };
          // Also one whose external address is that of this node, and one whose is that of another.
          const services = [
            '192.0.2.1',
            '192.0.2.2',
            ...Array.from({ length: 28 }, (_, i) => `10.96.0.${i + 2}`),
          ];
          const add = services.map((address) => `address add ${address}/32 dev kube-ipvs0\n`).join('');
          run('sh', '-c', `ip -batch - <<'E'\n${add}E\n`);
          // Answered once all before it were.
          run('ip', 'route', 'del', '10.244.2.0/24');
          await eventually(() => expect(ownRoutes()).toEqual(before.routes));
          expect(conflist).toBe(before.conflist);
          expect(withoutCounters(run('iptables-save'))).toEqual(withoutCounters(before.rules));
          expect(lines.slice(before.lines.length)).toEqual(['+ route 10.244.2.0/24 via 192.0.2.2 dev lan']);
        });
      },
    );

    test('Agent follows the egress interface and its MTU when the default route moves', async () => {
      start(true, { masquerade: 'egress' });
      ping('pod', '203.0.113.9');
      run('ip', 'link', 'add', 'port-x', 'type', 'veth', 'peer', 'name', 'eth1', 'netns', 'world');
      run('ip', '-n', 'world', 'address', 'add', '198.51.100.9/24', 'dev', 'eth1');
      run('ip', '-n', 'world', 'link', 'set', 'eth1', 'up');
      run('ip', 'address', 'add', '198.51.100.1/24', 'dev', 'port-x');
      run('ip', 'link', 'set', 'port-x', 'up');
      run('ip', 'route', 'replace', 'default', 'via', '198.51.100.9');
      await eventually(() =>
        expect(run('iptables', '-t', 'nat', '-S', 'CNIKIT-POSTROUTING')).toContain('-o port-x'),
      );
      ping('pod', '203.0.113.9');
      run('ip', 'link', 'set', 'port-x', 'mtu', '1400');
      await eventually(() => expect(conflist).toContain('"mtu": 1400'));
      run(
        'ip',
        'route',
        'replace',
        'default',
        'nexthop',
        'via',
        '198.51.100.9',
        'nexthop',
        'via',
        '192.0.2.9',
      );
      await eventually(() => {
        const out = run('iptables', '-t', 'nat', '-S', 'CNIKIT-POSTROUTING');
        for (const name of ['port-x', 'lan']) {
          expect(out).toContain(`-o ${name}`);
        }
      });
      ping('pod', '203.0.113.9');
      run('ip', 'link', 'delete', 'port-x');
    });
  },
);
