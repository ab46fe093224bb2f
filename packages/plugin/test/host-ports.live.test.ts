/** Host ports beside Services of kube-proxy, saved rule sets, and tables of earlier versions. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { env, fails, inSandbox, ok } from './harness.ts';
import { invokers } from './invoke.ts';
import { type Pod, run } from './namespaces.ts';
import { iptablesOf, ruleset } from './nat-state.ts';
import { withOutside } from './outside.ts';
import { scratch } from './scratch.ts';
import { NODE, reach, serve } from './traffic.ts';

const PATH = process.env.PATH ?? '';
const NODE4 = '192.0.2.1';
const NODE6 = '2001:db8::1';
const GATEWAY4 = '10.88.0.1';

type Mapping = { hostPort: number; containerPort: number; protocol: string; hostIP?: string };
const tcp = (hostPort: number, containerPort: number, hostIP?: string): Mapping => ({
  hostPort,
  containerPort,
  protocol: 'tcp',
  hostIP,
});

/** Loads a file for `nft -f`, or for `nft -j -f`. */
function load(text: string, ...options: string[]): void {
  const dir = mkdtempSync('/run/cnikit-nft-');
  const file = join(dir, 'rules');
  writeFileSync(file, text);
  try {
    execFileSync('nft', [...options, '-f', file]);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** Turns the table of host ports into the one of earlier versions. `nft` cannot read its names, except as JSON. */
function makeTableOld(): void {
  const names = {
    '"hostports"': '"ports"',
    mark: '"masquerade-0x2000"',
    any_ipv4: 'any4',
    any_ipv6: 'any6',
    one_ipv4: 'ip4',
    one_ipv6: 'ip6',
    '"prio": -90': '"prio": -100',
  };
  let text = run('nft', '-j', 'list', 'table', 'inet', 'cnikit_hostports');
  for (const [now, old] of Object.entries(names)) {
    text = text.replaceAll(now === 'mark' ? '"mark-0x2000"' : now, old);
  }
  const { nftables } = JSON.parse(text) as { nftables: object[] };
  const ofKind = (kind: string) => nftables.filter((one) => kind in one);
  const objects = ['table', 'chain', 'map', 'rule'].flatMap(ofKind).map((add) => ({ add }));
  run('nft', 'delete', 'table', 'inet', 'cnikit_hostports');
  load(JSON.stringify({ nftables: objects }), '-j');
}

describe.skipIf(!inSandbox).each(invokers)(
  'host ports by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const outside = withOutside();
    const call = (
      command: string,
      id: string,
      at: Pick<Pod, 'path'>,
      ports: readonly object[],
      changes: object = {},
      type = 'cnikit',
    ) =>
      invoke(
        env(command, id, at, { PATH }),
        {
          cniVersion: '1.0.0',
          name: 'net',
          bridge: 'ports0',
          isDefaultGateway: true,
          hairpinMode: true,
          ipam: {
            type: 'host-local',
            dataDir: here.dir,
            ranges: [[{ subnet: '10.88.0.0/24' }], [{ subnet: 'fd88::/64' }]],
          },
          runtimeConfig: { portMappings: ports },
          ...changes,
        },
        type,
      );
    const add = (...args: [string, Pod, readonly object[], object?]) => ok(call('ADD', ...args)).json;

    test('nft -f loads a saved rule set with host ports', () => {
      add('a', here.pod(), [tcp(8080, 80), tcp(8081, 80, NODE4), tcp(8082, 80, NODE6)], { ipMasq: true });
      const saved = run('nft', '-s', 'list', 'ruleset');
      load(`flush ruleset\n${saved}`);
      expect(run('nft', '-s', 'list', 'ruleset')).toBe(saved);
    });

    test('ADD, CHECK, DEL and GC take over the table of an earlier version with its pods', async () => {
      const old = here.pod();
      const ports = [tcp(8080, 80), tcp(8081, 80, NODE6)];
      const json = add('old', old, ports);
      const verbs: (() => void)[] = [
        () => ok(call('CHECK', 'old', old, ports, { prevResult: json })),
        () => add('new', here.pod(), [tcp(8090, 80)]),
        () =>
          ok(
            call('GC', '', { path: '' }, [], {
              cniVersion: '1.1.0',
              'cni.dev/valid-attachments': [{ containerID: 'old', ifname: 'eth0' }],
            }),
          ),
      ];
      serve(old, 'tcp', 80);
      for (const verb of verbs) {
        makeTableOld();
        expect(ruleset()).toContain('vmap @ip6');
        verb();
        expect(ruleset().replaceAll(/any[46] |ip[46] (?=tcp)/g, '')).not.toMatch(/masquerade-0x|@ip6|@any4/);
        expect(await reach(outside, 'tcp', NODE4, 8080)).toBe(outside.ipv4);
        expect(await reach(outside, 'tcp', NODE6, 8081)).toBe(outside.ipv6);
        fails(call('ADD', 'other', here.pod(), ports), 11, /taken by container old/);
      }
      ok(call('DEL', 'new', { path: '' }, [tcp(8090, 80)]));
      makeTableOld();
      ok(call('DEL', 'old', old, ports));
      expect(ruleset()).toBe('');
    });

    test('a container has a host port twice: without hostIP and with 0.0.0.0, and from two networks', async () => {
      const pod = here.pod();
      const ports = [tcp(8080, 80), tcp(8080, 80, '0.0.0.0'), tcp(8080, 80, '::'), tcp(8080, 80)];
      const second = {
        name: 'second',
        bridge: 'ports1',
        isDefaultGateway: false,
        ipam: { type: 'host-local', dataDir: here.dir, subnet: '10.87.0.0/24' },
      };
      const json = add('a', pod, ports);
      const invokeSecond = (command: string, id: string, more: object = {}) =>
        invoke(
          { ...env(command, id, pod, { PATH }), CNI_IFNAME: 'eth1' },
          { cniVersion: '1.0.0', ...second, runtimeConfig: { portMappings: ports }, ...more },
          'cnikit',
        );
      const other = ok(invokeSecond('ADD', 'a')).json;
      fails(invokeSecond('ADD', 'b'), 999, /eth1/);
      fails(
        invoke(
          { ...env('ADD', 'b', here.pod(), { PATH }), CNI_IFNAME: 'eth1' },
          { cniVersion: '1.0.0', ...second, runtimeConfig: { portMappings: [tcp(8080, 80)] } },
          'cnikit',
        ),
        11,
        /Host port 8080\/tcp is taken by container a \(eth0\) of network net/,
      );
      serve(pod, 'tcp', 80);
      expect(await reach(outside, 'tcp', NODE4, 8080)).toBe(outside.ipv4);
      expect(await reach(outside, 'tcp', NODE6, 8080)).toBe(outside.ipv6);
      ok(call('CHECK', 'a', pod, ports, { prevResult: json }));
      ok(invokeSecond('CHECK', 'a', { prevResult: other }));
      ok(invokeSecond('DEL', 'a'));
      expect(await reach(outside, 'tcp', NODE4, 8080)).toBe(outside.ipv4);
      ok(call('DEL', 'a', pod, ports));
      expect(ruleset()).toBe('');
    });

    test('ADD and DEL of 200 UDP ports delete the flows to these ports only', () => {
      const pod = here.pod();
      const ports = Array.from({ length: 200 }, (_, i) => ({
        hostPort: 5000 + i,
        containerPort: 53,
        protocol: 'udp',
      }));
      const flow = (destination: string, port: number) =>
        run(
          ...['conntrack', '-I', '-p', 'udp', '-s', '198.51.100.7', '-d', destination, '-t', '600'],
          ...['--sport', '4444', '--dport', `${port}`],
        );
      const known = () =>
        run('conntrack', '-L', '-p', 'udp', '-s', '198.51.100.7').match(/dst=\S+(?= sport=4444)/g);
      const remote = '198.51.100.53';
      const insert = () => {
        flow(NODE4, 5000);
        flow(NODE4, 5199);
      };
      insert();
      flow(NODE4, 5200);
      flow(remote, 5000);
      add('a', pod, ports);
      const kept = [`dst=${NODE4}`, `dst=${remote}`];
      expect(known()?.sort()).toEqual(kept);
      insert();
      ok(call('DEL', 'a', pod, ports));
      expect(known()?.sort()).toEqual(kept);
    });

    describe.each(['iptables', 'nftables'])(
      'with the backend %s, without the ports of the runtime',
      (name) => {
        const flow = (source: string, destination: string, port: number) =>
          run(
            ...['conntrack', '-I', '-p', 'udp', '-s', source, '-d', destination, '-t', '600'],
            ...['--sport', '4444', '--dport', `${port}`],
          );
        const backend = { backend: name, capabilities: { portMappings: true } };
        const udp = (hostPort: number, hostIP?: string) => ({
          ...tcp(hostPort, 53, hostIP),
          protocol: 'udp',
        });
        const ports = [udp(5300), udp(5301, NODE4), tcp(5302, 53)];
        const removals: [string, (pod: Pod) => void][] = [
          ['cnikit DEL', (pod) => ok(call('DEL', 'a', pod, [], backend))],
          ['portmap DEL', (pod) => ok(call('DEL', 'a', pod, [], backend, 'portmap'))],
          [
            'cnikit GC',
            () =>
              ok(
                call('GC', '', { path: '' }, [], {
                  ...backend,
                  cniVersion: '1.1.0',
                  'cni.dev/valid-attachments': [],
                }),
              ),
          ],
        ];

        test.each(removals)('%s deletes the flows to the UDP ports of the pod', (_what, remove) => {
          const pod = here.pod();
          add('a', pod, ports, backend);
          for (const port of [5300, 5301, 5302, 5400]) {
            flow('198.51.100.7', NODE4, port);
          }
          flow('2001:db8:9::7', NODE6, 5300);
          remove(pod);
          expect(iptablesOf(/CNI-DN-/)).toEqual([]);
          expect(ruleset()).not.toMatch(/dnat (ip6? )?to/);
          const left =
            run('conntrack', '-L', '-p', 'udp') + run('conntrack', '-f', 'ipv6', '-L', '-p', 'udp');
          expect([...left.matchAll(/sport=4444 dport=(\d+)/g)].map(([, port]) => port).sort()).toEqual([
            '5302',
            '5400',
          ]);
        });
      },
    );

    const kubeProxy = {
      /** The kernel sees these as kube-proxy makes them: a Service whose external IP is the node's address. */
      iptables: () => {
        for (const [program, ip, to] of [
          ['iptables', NODE4, '10.88.0.2:81'],
          ['ip6tables', NODE6, '[fd88::2]:81'],
        ] as const) {
          run(program, '-t', 'nat', '-N', 'KUBE-SERVICES');
          for (const chain of ['PREROUTING', 'OUTPUT']) {
            run(program, '-t', 'nat', '-I', chain, '-j', 'KUBE-SERVICES');
          }
          const match = ['-d', ip, '-p', 'tcp', '--dport', '8080'];
          run(program, '-t', 'nat', '-A', 'KUBE-SERVICES', ...match, '-j', 'DNAT', '--to-destination', to);
        }
      },
      nftables: () => {
        for (const [family, ip, to] of [
          ['ip', NODE4, '10.88.0.2:81'],
          ['ip6', NODE6, '[fd88::2]:81'],
        ]) {
          load(`table ${family} kube-proxy {
            chain services { ${family} daddr ${ip} tcp dport 8080 dnat to ${to}; }
            chain nat-prerouting { type nat hook prerouting priority -100; jump services; }
            chain nat-output { type nat hook output priority -100; jump services; }
          }`);
        }
      },
    };
    // The backend iptables has the priority of kube-proxy by nftables. The kernel asks the later one of these first.
    const cases = [
      ['iptables', undefined],
      ['iptables', 'iptables'],
      ['nftables', undefined],
    ] as const;
    const inBothOrders = cases.flatMap(([mode, backend]) =>
      (['before', 'after'] as const).map((order) => [mode, order, backend] as const),
    );

    test.each(inBothOrders)(
      'a Service of kube-proxy by %s, made %s the pod, keeps its port beside a host port (backend %s)',
      async (mode, order, backend) => {
        const pod = here.pod();
        if (order === 'before') {
          kubeProxy[mode]();
        }
        add('a', pod, [tcp(8080, 80), tcp(8081, 80)], { backend });
        if (order === 'after') {
          kubeProxy[mode]();
        }
        serve(pod, 'tcp', 81);
        // Nothing listens on port 80 of the pod, so only the Service can reply.
        for (const from of [outside, NODE]) {
          expect(await reach(from, 'tcp', NODE4, 8080)).toBeDefined();
          expect(await reach(from, 'tcp', NODE6, 8080)).toBeDefined();
        }
        serve(pod, 'tcp', 80);
        expect(await reach(outside, 'tcp', NODE4, 8081)).toBe(outside.ipv4);
        expect(await reach(outside, 'tcp', NODE6, 8081)).toBe(outside.ipv6);
      },
    );

    test('a ClusterIP of kube-proxy by ipvs, made after the pod, keeps its port beside a host port', async () => {
      const pod = here.pod();
      run('ip', 'link', 'add', 'kube-ipvs0', 'type', 'bridge');
      try {
        for (const program of ['iptables', 'ip6tables']) {
          run(program, '-t', 'nat', '-N', 'KUBE-SERVICES');
          for (const chain of ['PREROUTING', 'OUTPUT']) {
            run(program, '-t', 'nat', '-I', chain, '-j', 'KUBE-SERVICES');
          }
        }
        const ports = [tcp(8443, 80)];
        const json = add('a', pod, ports);
        expect(iptablesOf(/^-A CNI-HOSTPORT-DNAT/)).toHaveLength(2);
        ok(call('CHECK', 'a', pod, ports, { prevResult: json }));
        // In place of ipvs itself, a server of the node replies for the ClusterIP.
        run('ip', 'link', 'set', 'kube-ipvs0', 'up');
        run('ip', 'address', 'add', '10.96.0.1/32', 'dev', 'kube-ipvs0');
        run('ip', 'address', 'add', 'fd96::1/128', 'dev', 'kube-ipvs0', 'nodad');
        const accept = ['-p', 'tcp', '--dport', '8443', '-j', 'ACCEPT'];
        run('iptables', '-t', 'nat', '-A', 'KUBE-SERVICES', '-d', '10.96.0.1', ...accept);
        run('ip6tables', '-t', 'nat', '-A', 'KUBE-SERVICES', '-d', 'fd96::1', ...accept);
        serve(NODE, 'tcp', 8443);
        const address = (json as { ips: { address: string }[] }).ips.map((ip) => ip.address.split('/')[0]);
        expect(await reach(pod, 'tcp', '10.96.0.1', 8443)).toBe(address[0]);
        expect(await reach(pod, 'tcp', 'fd96::1', 8443)).toBe(address[1]);
        expect(await reach(NODE, 'tcp', '10.96.0.1', 8443)).toBe('10.96.0.1');
        serve(pod, 'tcp', 80);
        expect(await reach(outside, 'tcp', NODE4, 8443)).toBe(outside.ipv4);
        expect(await reach(pod, 'tcp', NODE4, 8443)).toBe(GATEWAY4);
        ok(call('DEL', 'a', pod, ports));
        expect(iptablesOf(/CNI-DN-/)).toEqual([]);
        // Without iptables there is nftables.
        ok(
          invoke(
            env('ADD', 'b', here.pod(), { PATH: '/nowhere' }),
            {
              cniVersion: '1.0.0',
              name: 'net',
              bridge: 'ports0',
              ipam: { type: 'host-local', dataDir: here.dir, subnet: '10.88.0.0/24' },
              runtimeConfig: { portMappings: ports },
            },
            'cnikit',
          ),
        );
        expect(ruleset()).toContain('cnikit_hostports');
      } finally {
        run('ip', 'link', 'del', 'kube-ipvs0');
      }
    });
  },
);
