/** Host ports of pods: real connections with either backend, by portmap alone and inside cnikit. */
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { upstreamPlugins } from '../../../upstream-plugins.ts';
import { soakSize } from '../../../vitest.soak.ts';
import { concurrentAdds } from './concurrent.ts';
import { env, fails, inSandbox, ok } from './harness.ts';
import { type Answer, invokers, runUpstream, UPSTREAM_DIR } from './invoke.ts';
import { type Pod, run } from './namespaces.ts';
import { flushRuleset, iptablesOf, ruleset } from './nat-state.ts';
import { withOutside } from './outside.ts';
import { scratch } from './scratch.ts';
import { receiveSctp, sendSctp } from './sctp.ts';
import { NODE, reach, serve } from './traffic.ts';

const PATH = process.env.PATH ?? '';
/** Upstream has the backend nftables since 1.7. */
const hasNftables = upstreamPlugins()[0]?.version.startsWith('1.1.') === false;
const NODE4 = '192.0.2.1';
const NODE6 = '2001:db8::1';
const GATEWAY4 = '10.88.0.1';
/** Pods that start at the same time. */
const PODS = soakSize(10, 32);
const OURS = /cnikit_hostports|CNI-DN-|dnat to/;

type Mapping = { hostPort: number; containerPort: number; protocol?: string; hostIP?: string };
const tcp = (hostPort: number, containerPort: number, more: object = {}): Mapping => ({
  hostPort,
  containerPort,
  protocol: 'tcp',
  ...more,
});
const udp = (hostPort: number, containerPort: number): Mapping => ({
  hostPort,
  containerPort,
  protocol: 'udp',
});

describe.skipIf(!inSandbox).each(invokers)(
  'portmap by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const outside = withOutside();
    const conf = (ports: readonly object[] | undefined, changes: object = {}) => ({
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
      ...(ports === undefined ? {} : { runtimeConfig: { portMappings: ports } }),
      ...changes,
    });
    type Ports = readonly object[] | undefined;
    const call = (
      type: string,
      command: string,
      id: string,
      at: Pick<Pod, 'path'>,
      ports: Ports,
      changes: object = {},
    ): Answer => invoke(env(command, id, at, { PATH }), conf(ports, changes), type);
    /** ADD of cnikit, with portmap in the same process. */
    const add = (id: string, at: Pod, ports: Ports, changes: object = {}) =>
      ok(call('cnikit', 'ADD', id, at, ports, changes)).json;
    const pod = () => here.pod();
    const hasRules = () => ruleset() !== '';

    describe.each([undefined, 'nftables', 'iptables'])('with backend %s', (backend) => {
      test('portmap forwards tcp of both families from outside, the node, localhost and pods', async () => {
        const [a, b] = [pod(), pod()];
        const ports = [tcp(8080, 80)];
        const json = add('a', a, ports, { backend });
        add('b', b, undefined, { backend });
        serve(a, 'tcp', 80);
        expect(await reach(outside, 'tcp', NODE4, 8080)).toBe(outside.ipv4);
        expect(await reach(outside, 'tcp', NODE6, 8080)).toBe(outside.ipv6);
        expect(await reach(NODE, 'tcp', NODE4, 8080)).toBe(NODE4);
        expect(await reach(NODE, 'tcp', NODE6, 8080)).toBe(NODE6);
        expect(await reach(NODE, 'tcp', '127.0.0.1', 8080)).toBe(GATEWAY4);
        // Hairpin, and a neighbour whose replies would bypass the node.
        // Upstream's nftables rules do not masquerade the neighbour.
        for (const from of backend === 'nftables' ? [a] : [a, b]) {
          expect(await reach(from, 'tcp', NODE4, 8080)).toBe(GATEWAY4);
          expect(await reach(from, 'tcp', NODE6, 8080)).toBe('fd88::1');
        }
        ok(call('cnikit', 'CHECK', 'a', a, ports, { backend, prevResult: json }));
        for (let i = 0; i < 2; i++) {
          ok(call('cnikit', 'DEL', 'a', a, ports, { backend, prevResult: json }));
        }
        expect(iptablesOf(OURS)).toEqual([]);
        expect(ruleset()).not.toMatch(OURS);
        expect(await reach(outside, 'tcp', NODE4, 8080)).toBeUndefined();
      });

      test('portmap forwards a port of one host address, and the same port of the others to another pod', async () => {
        const [one, other] = [pod(), pod()];
        run('ip', 'address', 'add', '192.0.2.2/24', 'dev', 'uplink');
        const only = [tcp(8080, 81, { hostIP: '192.0.2.2' }), tcp(8081, 81, { hostIP: NODE6 })];
        add('one', one, only, { backend });
        serve(one, 'tcp', 81);
        expect(await reach(outside, 'tcp', '192.0.2.2', 8080)).toBe(outside.ipv4);
        expect(await reach(outside, 'tcp', NODE4, 8080)).toBeUndefined();
        expect(await reach(outside, 'tcp', NODE6, 8081)).toBe(outside.ipv6);
        expect(await reach(outside, 'tcp', NODE4, 8081)).toBeUndefined();
        if (backend === undefined) {
          serve(other, 'tcp', 80);
          add('other', other, [tcp(8080, 80, { hostIP: '0.0.0.0' })], { backend });
          expect(await reach(outside, 'tcp', NODE4, 8080)).toBe(outside.ipv4);
          expect(await reach(outside, 'tcp', NODE6, 8080)).toBeUndefined();
          ok(call('cnikit', 'DEL', 'other', other, undefined, { capabilities: { portMappings: true } }));
          expect(await reach(outside, 'tcp', '192.0.2.2', 8080)).toBe(outside.ipv4);
          expect(await reach(outside, 'tcp', NODE4, 8080)).toBeUndefined();
        }
      });

      test('portmap forwards udp to the new pod after the previous one is deleted', async () => {
        const [first, second] = [pod(), pod()];
        const ports = [udp(5300, 53)];
        // A fixed source port, so that the kernel sees one connection.
        const ask = (host: string) => reach(outside, 'udp', host, 5300, 4444);
        // The client sends before the server listens.
        await ask(NODE4);
        add('first', first, ports, { backend });
        serve(first, 'udp', 53);
        expect(await ask(NODE4)).toBe(outside.ipv4);
        expect(await ask(NODE6)).toBe(outside.ipv6);
        ok(call('cnikit', 'DEL', 'first', first, ports, { backend }));
        expect(await ask(NODE4)).toBeUndefined();
        add('second', second, ports, { backend });
        serve(second, 'udp', 53);
        expect(await ask(NODE4)).toBe(outside.ipv4);
        expect(await ask(NODE6)).toBe(outside.ipv6);
      });

      test('portmap forwards sctp', async () => {
        const made = pod();
        add('a', made, [{ hostPort: 3868, containerPort: 3869, protocol: 'SCTP' }], { backend });
        const received = receiveSctp(made);
        expect(await sendSctp(outside, NODE4, 3868, received)).toBe(3869);
      });

      test('portmap masquerades every connection with masqAll', async () => {
        const made = pod();
        add('a', made, [tcp(8080, 80)], { backend, masqAll: true });
        serve(made, 'tcp', 80);
        expect(await reach(outside, 'tcp', NODE4, 8080)).toBe(GATEWAY4);
        expect(await reach(outside, 'tcp', NODE6, 8080)).toBe('fd88::1');
      });

      // Upstream's nftables rules have no mark.
      const marked = test.skipIf(backend === 'nftables');
      marked('portmap masquerades nothing with snat false, and uses markMasqBit', async () => {
        add('a', pod(), [tcp(8080, 80)], { backend, snat: false });
        const marks = () => ruleset().match(/0x0*2000|0x0*400\b/g) ?? [];
        expect(marks()).toEqual([]);
        add('b', pod(), [tcp(8081, 80)], { backend, markMasqBit: 10 });
        expect(new Set(marks().map((mark) => Number(mark)))).toEqual(new Set([0x400]));
        for (const id of ['a', 'b']) {
          ok(call('cnikit', 'DEL', id, { path: '' }, [tcp(1, 1)], { backend }));
        }
        expect(ruleset()).not.toContain('pod-');
        ok(
          call('portmap', 'GC', '', { path: '' }, undefined, {
            cniVersion: '1.1.0',
            'cni.dev/valid-attachments': [],
          }),
        );
        expect(ruleset()).not.toMatch(/cnikit_hostports/);
      });

      test.skipIf(backend !== 'iptables')('portmap forwards only what its conditions match', async () => {
        const made = pod();
        const conditionsV4 = ['!', '-s', `${outside.ipv4}/32`];
        add('a', made, [tcp(8080, 80)], { backend, conditionsV4 });
        serve(made, 'tcp', 80);
        expect(await reach(outside, 'tcp', NODE4, 8080)).toBeUndefined();
        expect(await reach(outside, 'tcp', NODE6, 8080)).toBe(outside.ipv6);
        expect(await reach(NODE, 'tcp', NODE4, 8080)).toBe(NODE4);
      });

      test('portmap DEL frees everything without namespace, result and ports', () => {
        const made = pod();
        const json = ok(call('bridge', 'ADD', 'a', made, undefined)).json;
        const ports = [tcp(8080, 80), udp(5300, 53)];
        expect(ok(call('portmap', 'ADD', 'a', made, ports, { backend, prevResult: json })).json).toEqual(
          json,
        );
        expect(hasRules()).toBe(true);
        for (let i = 0; i < 2; i++) {
          ok(call('portmap', 'DEL', 'a', { path: '' }, undefined));
        }
        expect(ruleset()).not.toMatch(OURS);
        expect(iptablesOf(OURS)).toEqual([]);
      });

      test('cnikit GC removes ports of unlisted attachments of its own network only', () => {
        add('keep', pod(), [tcp(8080, 80)], { backend });
        add('stale', pod(), [tcp(8081, 80), udp(5300, 53)], { backend });
        add('foreign', pod(), [tcp(8082, 80)], {
          backend,
          name: 'other',
          bridge: 'ports1',
          ipam: { type: 'host-local', dataDir: here.dir, subnet: '10.87.0.0/24' },
        });
        const valid = { 'cni.dev/valid-attachments': [{ containerID: 'keep', ifname: 'eth0' }] };
        ok(call('cnikit', 'GC', '', { path: '' }, undefined, { cniVersion: '1.1.0', ...valid }));
        const text = ruleset();
        for (const port of [8080, 8082]) {
          expect(text).toContain(String(port));
        }
        for (const port of [8081, 5300]) {
          expect(text).not.toContain(String(port));
        }
      });
    });

    test('cnikit ADD matches keys of portMappings in any case', async () => {
      const made = pod();
      const RuntimeConfig = {
        PortMappings: [{ HostPort: 8080, ContainerPort: 80, Protocol: 'TCP', HostIP: '' }],
      };
      add('a', made, undefined, { RuntimeConfig });
      serve(made, 'tcp', 80);
      expect(await reach(outside, 'tcp', NODE4, 8080)).toBe(outside.ipv4);
    });

    test('bridge ADD ignores portMappings, as upstream does', () => {
      ok(call('bridge', 'ADD', 'a', pod(), [tcp(8080, 80)]));
      expect(ruleset()).toBe('');
    });

    test('cnikit ADD names the pod that holds a host port and undoes its changes', () => {
      const [a, b] = [pod(), pod()];
      add('first', a, [tcp(8080, 80)]);
      const before = ruleset();
      const second = call('cnikit', 'ADD', 'second', b, [tcp(8081, 80), tcp(8080, 80)]);
      fails(second, 11, /Host port 8080\/tcp is taken by container first \(eth0\) of network net/);
      expect(ruleset()).toBe(before);
      expect(here.reservations().sort()).toEqual(['10.88.0.2', 'fd88::2']);
      // The same port number of another protocol is free.
      add('third', b, [udp(8080, 80)]);
    });

    test('portmap ADD replaces the rules of a killed ADD of the same attachment', () => {
      const made = pod();
      const json = ok(call('bridge', 'ADD', 'a', made, undefined)).json;
      for (const port of [80, 81]) {
        ok(call('portmap', 'ADD', 'a', made, [tcp(8080, port)], { prevResult: json }));
      }
      expect(ruleset()).toContain('10.88.0.2:81');
      expect(ruleset()).not.toContain('10.88.0.2:80 ');
    });

    test.each([
      [[tcp(0, 80)], {}, 7, /runtimeConfig/],
      [[tcp(80, 0)], {}, 7, /runtimeConfig/],
      [[tcp(70000, 80)], {}, 7, /runtimeConfig/],
      [[{ ...tcp(80, 80), protocol: 'icmp' }], {}, 7, /runtimeConfig/],
      [[tcp(80, 80, { hostIP: 'zz' })], {}, 7, /runtimeConfig/],
      [[tcp(80, 80)], { markMasqBit: 32 }, 7, /portmap configuration/],
      [
        [tcp(80, 80)],
        { markMasqBit: 3, externalSetMarkChain: 'X' },
        7,
        /externalSetMarkChain and markMasqBit/,
      ],
      [[tcp(80, 80)], { backend: 'ipfw' }, 7, /backend "ipfw"/],
      [[tcp(80, 80)], { backend: 'nftables', conditionsV4: ['-s', '1.2.3.4'] }, 7, /different backends/],
      [[tcp(80, 80)], { conditionsV4: ['ip', 'saddr', '192.0.2.1'] }, 2, /conditionsV4/],
      [[tcp(80, 80)], { conditionsV6: ['--no-such-option'] }, 999, /ip6tables-restore failed/],
    ])('cnikit ADD rejects ports %j with %j and leaves nothing', (ports, changes, code, msg) => {
      fails(call('cnikit', 'ADD', 'a', pod(), ports, changes), code, msg);
      expect(ruleset()).not.toMatch(OURS);
      expect(here.reservations()).toEqual([]);
    });

    test('cnikit DEL removes the ports even when the configuration is invalid', () => {
      add('a', pod(), [tcp(8080, 80)]);
      ok(call('cnikit', 'DEL', 'a', { path: '' }, [tcp(0, 80)]));
      expect(ruleset()).toBe('');
    });

    test('cnikit CHECK names missing port rules', () => {
      const made = pod();
      const ports = [tcp(8080, 80), tcp(8081, 80, { hostIP: NODE4 })];
      const json = add('a', made, ports);
      const check = () => call('cnikit', 'CHECK', 'a', made, ports, { prevResult: json });
      ok(check());
      run('nft', 'delete', 'element', 'inet', 'cnikit_hostports', 'any_ipv6', '{ tcp . 8080 }');
      fails(check(), 999, /made: host port 8080\/tcp does not lead to the container$/);
      run('nft', 'delete', 'element', 'inet', 'cnikit_hostports', 'one_ipv4', `{ ${NODE4} . tcp . 8081 }`);
      run('nft', 'flush', 'chain', 'inet', 'cnikit_hostports', 'output');
      fails(
        check(),
        999,
        /chain output of table cnikit_hostports; .*192\.0\.2\.1:8081\/tcp.*; .* 8080\/tcp does/,
      );
    });

    test.skipIf(!existsSync(`${UPSTREAM_DIR}/portmap`))(
      'portmap with iptables keeps the port of a container that has the network twice as long as upstream does',
      () => {
        const made = pod();
        ok(call('bridge', 'ADD', 'a', made, undefined));
        const lives = ([invoke, runUpstream] as const).map((plugin) => {
          flushRuleset();
          /** Returns true when the port leads to the container after the verb. */
          const verb = (command: string, ifName: string, address: string) => {
            const prevResult = {
              cniVersion: '1.0.0',
              interfaces: [{ name: ifName, sandbox: made.path }],
              ips: [{ interface: 0, address }],
            };
            const variables = { ...env(command, 'a', made, { PATH }), CNI_IFNAME: ifName };
            ok(
              plugin(
                variables,
                conf([tcp(8080, 80)], { type: 'portmap', backend: 'iptables', prevResult }),
                'portmap',
              ),
            );
            return iptablesOf(/-j DNAT --to-destination 10\.86\.0\.[78]:80$/).length > 0;
          };
          return ['ADD', 'DEL'].flatMap((command) => [
            verb(command, 'eth0', '10.86.0.7/24'),
            verb(command, 'eth1', '10.86.0.8/24'),
          ]);
        });
        expect(lives).toEqual([
          [true, true, false, false],
          [true, true, false, false],
        ]);
        expect(iptablesOf(OURS)).toEqual([]);
      },
    );

    test.skipIf(!existsSync(`${UPSTREAM_DIR}/portmap`))(
      'portmap with iptables creates the same rules as upstream',
      () => {
        const made = pod();
        const json = ok(call('bridge', 'ADD', 'a', made, undefined)).json;
        const many = Array.from({ length: 17 }, (_, i) => tcp(9000 + i, 90));
        const ports = [
          tcp(8080, 80),
          tcp(8081, 81, { hostIP: '127.0.0.1' }),
          udp(5300, 53),
          tcp(55, 5, { hostIP: '0.0.0.0' }),
        ];
        const all = [...ports, { hostPort: 54, containerPort: 4, protocol: 'sctp', hostIP: '::' }, ...many];
        const changes = { backend: 'iptables', conditionsV4: ['-s', '1.2.3.0/24'], prevResult: json };
        // iptables-save prints chains in order of creation.
        const saved = () =>
          iptablesOf(/./)
            .filter((line) => !line.startsWith('#'))
            .sort();
        ok(call('portmap', 'ADD', 'a', made, all, changes));
        const ours = saved();
        // A second pod adds no second jump.
        ok(call('portmap', 'ADD', 'b', made, [tcp(7000, 70)], changes));
        ok(call('portmap', 'DEL', 'b', made, [tcp(7000, 70)], changes));
        expect(saved()).toEqual(ours);
        ok(call('portmap', 'DEL', 'a', made, all, changes));
        expect(iptablesOf(OURS)).toEqual([]);
        flushRuleset();
        ok(
          runUpstream(env('ADD', 'a', made, { PATH }), conf(all, { type: 'portmap', ...changes }), 'portmap'),
        );
        expect(ours).toEqual(saved());
        // DEL removes upstream's rules without ports and backend.
        ok(call('portmap', 'DEL', 'a', made, undefined));
        expect(iptablesOf(OURS)).toEqual([]);
      },
    );

    test.skipIf(!hasNftables)('portmap with nftables creates the same rules as upstream', () => {
      const made = pod();
      const all = [
        tcp(8080, 80),
        udp(53, 53),
        tcp(8081, 81, { hostIP: NODE4 }),
        tcp(82, 82, { hostIP: '::' }),
      ];
      const prevResult = ok(call('bridge', 'ADD', 'a', made, undefined)).json;
      for (const more of [{}, { masqAll: true }, { snat: false }]) {
        const changes = { backend: 'nftables', prevResult, ...more };
        ok(call('portmap', 'ADD', 'a', made, all, changes));
        const ours = ruleset();
        ok(
          runUpstream(
            env('CHECK', 'a', made, { PATH }),
            conf(all, { type: 'portmap', ...changes }),
            'portmap',
          ),
        );
        ok(
          runUpstream(env('DEL', 'a', made, { PATH }), conf(all, { type: 'portmap', ...changes }), 'portmap'),
        );
        expect(ruleset()).toBe('');
        flushRuleset();
        ok(
          runUpstream(env('ADD', 'a', made, { PATH }), conf(all, { type: 'portmap', ...changes }), 'portmap'),
        );
        expect(ours).toEqual(ruleset());
        ok(call('portmap', 'CHECK', 'a', made, all, changes));
        ok(call('portmap', 'DEL', 'a', made, undefined));
        expect(ruleset()).toBe('');
        flushRuleset();
      }
    });

    test('portmap CHECK names what the nftables rules of upstream lack', () => {
      const made = pod();
      const all = [tcp(8080, 80), tcp(8081, 81, { hostIP: NODE4 })];
      const prevResult = ok(call('bridge', 'ADD', 'a', made, undefined)).json;
      const changes = { backend: 'nftables', prevResult };
      ok(call('portmap', 'ADD', 'a', made, all, changes));
      const check = () => call('portmap', 'CHECK', 'a', made, all, changes);
      ok(check());
      run('nft', 'flush', 'chain', 'ip', 'cni_hostport', 'masquerading');
      fails(check(), 999, /made: rules are missing in chain masquerading of table ip cni_hostport$/);
      run('nft', 'flush', 'chain', 'ip6', 'cni_hostport', 'prerouting');
      fails(check(), 999, /chain prerouting of table ip6 cni_hostport$/);
      run('nft', 'flush', 'chain', 'ip', 'cni_hostport', 'hostports');
      fails(
        check(),
        999,
        /host port 8080\/tcp does not lead .*host port 192\.0\.2\.1:8081\/tcp does not lead/,
      );
    });

    test('portmap DEL removes nftables rules of upstream', () => {
      for (const family of ['ip', 'ip6']) {
        run('nft', `add table ${family} cni_hostport`);
        for (const chain of ['hostports', 'hostip_hostports', 'masquerading']) {
          run('nft', `add chain ${family} cni_hostport ${chain}`);
          for (const id of ['a', 'b']) {
            run('nft', `add rule ${family} cni_hostport ${chain} accept comment "${id}"`);
          }
        }
      }
      ok(call('portmap', 'DEL', 'a', { path: '' }, undefined));
      expect(ruleset()).not.toContain('"a"');
      expect(ruleset().match(/"b"/g)).toHaveLength(6);
    });

    test('portmap ADD jumps to externalSetMarkChain instead of its own chains', () => {
      for (const program of ['iptables', 'ip6tables']) {
        run(program, '-t', 'nat', '-N', 'THEIRS');
      }
      add('a', pod(), [tcp(8080, 80)], { externalSetMarkChain: 'THEIRS' });
      expect(iptablesOf(/-j THEIRS/)).toHaveLength(3);
      expect(iptablesOf(/CNI-HOSTPORT-(SETMARK|MASQ)/)).toEqual([]);
    });
  },
);

describe.skipIf(!inSandbox)('portmap and concurrency (needs the sandbox: run npm test at the root)', () => {
  test.each([undefined, 'nftables', 'iptables'])(
    'concurrent ADDs with portMappings by %s each have their ports',
    async (backend) => {
      const ports = (pod: number) => ({
        runtimeConfig: { portMappings: [tcp(8000 + pod, 80), udp(9000 + pod, 53)] },
      });
      let leading: string[] = [];
      await concurrentAdds(
        PODS,
        (pod) => ({ backend, ...ports(pod) }),
        () => {
          leading =
            backend === 'iptables'
              ? iptablesOf(/^-A CNI-HOSTPORT-DNAT/)
              : [...ruleset().matchAll(/\w+ \. \d+ comment "crowd|dport \d+ dnat to \S+ comment/g)]
                  .map(String)
                  .filter((text) => (backend === undefined) === text.includes('crowd'));
          if (backend === 'iptables') {
            expect(iptablesOf(/^-A (PREROUTING|OUTPUT|POSTROUTING)/)).toHaveLength(3);
            expect(iptablesOf(/^-A CNI-HOSTPORT-(SETMARK|MASQ)/)).toHaveLength(2);
          }
        },
      );
      // nftables has one map per family; these pods have IPv4 only.
      expect(leading).toHaveLength(2 * PODS);
      expect(ruleset()).not.toMatch(OURS);
      flushRuleset();
    },
  );
});
