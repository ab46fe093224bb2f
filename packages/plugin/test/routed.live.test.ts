/** The layout `routed` of `cnikit`: a link and a route for each pod. */

import { dispatch } from '@cnikit/cni-spec';
import { sys } from '@cnikit/sys';
import { describe, expect, test, vi } from 'vitest';
import { hostVethName } from '../src/links/names.ts';
import { sameNetns } from '../src/netns/same-netns.ts';
import { cnikitPlugin } from '../src/plugins/cnikit/plugin.ts';
import { env, fails, inSandbox, ok } from './harness.ts';
import { invokers } from './invoke.ts';
import { hostVeths, ipJson, type Pod, run } from './namespaces.ts';
import { scratch } from './scratch.ts';

describe.skipIf(!inSandbox).each(invokers)(
  'layout routed by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const { pod, reservations } = here;
    const conf = (changes: object = {}) => ({
      cniVersion: '1.1.0',
      name: 'net',
      type: 'cnikit',
      layout: 'routed',
      bridge: 'routed0',
      isDefaultGateway: true,
      hairpinMode: true,
      ipam: {
        type: 'host-local',
        dataDir: here.dir,
        ranges: [[{ subnet: '10.95.0.0/24' }], [{ subnet: 'fd95::/64' }]],
      },
      ...changes,
    });
    const call = (command: string, id: string, at: Pick<Pod, 'path'>, changes: object = {}) =>
      invoke(env(command, id, at), conf(changes), 'cnikit');
    const add = (id: string, changes: object = {}) => {
      const made = pod();
      return { made, json: ok(call('ADD', id, made, changes)).json, host: hostVethName('net', id, 'eth0') };
    };
    /** The kernel has one neighbour table for all namespaces: while another test fills it, packets are lost. */
    const eventually = (check: () => unknown) => vi.waitFor(check, { timeout: 30_000, interval: 20 });
    const ping = (from: Pod, to: string) => from.run('ping', '-c', '1', '-w', '30', to);
    const gateways = ['169.254.1.1', 'fe80::63:6eff:fe69:6b69'];

    test('cnikit ADD routes the pod’s addresses to its host end, which has only the IPv6 gateway', () => {
      const { made, json, host } = add('a');
      expect(json.interfaces.map(({ name }: { name: string }) => name)).toEqual([host, 'eth0']);
      expect(json.ips).toEqual([
        { address: '10.95.0.2/24', gateway: gateways[0], interface: 1 },
        { address: 'fd95::2/64', gateway: gateways[1], interface: 1 },
      ]);
      const onHost = ipJson('address', 'show', 'dev', host)[0].addr_info.map(
        ({ local }: { local: string }) => local,
      );
      expect(onHost).toEqual([gateways[1]]);
      expect(ipJson('route', 'show', '10.95.0.2')[0]).toMatchObject({ dev: host, scope: 'link' });
      expect(ipJson('-6', 'route', 'show', 'fd95::2')[0]).toMatchObject({ dev: host });
      const routes = made
        .run('ip', 'route')
        .split('\n')
        .map((line) => line.replace(' proto static', '').trim());
      expect(routes.filter((line) => line !== '')).toEqual([
        `default via ${gateways[0]} dev eth0`,
        `${gateways[0]} dev eth0 scope link`,
      ]);
      expect(made.run('ip', '-6', 'route', 'show', 'default')).toMatch(`default via ${gateways[1]} dev eth0`);
      ok(call('CHECK', 'a', made, { prevResult: json }));
    });

    test('pods reach each other and their node in both families without asking for a hardware address', () => {
      run('ip', 'address', 'replace', '192.0.2.1/32', 'dev', 'lo');
      const [a, b] = [add('a'), add('b')];
      const asked = () =>
        [a, b].flatMap(({ made, host }) => [
          made.run('ip', 'neighbour', 'show', 'nud', 'incomplete'),
          made.run('nstat', '-asz', 'Icmp6OutNeighborSolicits'),
          run('ip', 'neighbour', 'show', 'dev', host, 'nud', 'incomplete'),
        ]);
      const before = asked();
      for (const to of ['10.95.0.3', 'fd95::3', '192.0.2.1']) {
        ping(a.made, to);
      }
      expect(asked()).toEqual(before);
      run('ping', '-c', '1', '-w', '30', '10.95.0.2');
      run('ip', 'address', 'del', '192.0.2.1/32', 'dev', 'lo');
    });

    test('cnikit ADD changes no setting of the pod’s neighbour advertisements, which the node does not need', () => {
      const { made } = add('a');
      expect(made.run('sysctl', '-n', 'net.ipv6.conf.eth0.ndisc_notify').trim()).toBe('0');
    });

    test('the node knows the MAC address of a pod when the kernel reports a missing carrier during ADD', () => {
      const made = pod();
      const host = hostVethName('net', 'a', 'eth0');
      const setPodEnd = (state: 'up' | 'down') => {
        made.run('ip', 'link', 'set', 'eth0', state);
        // A worker of the kernel reports it.
        const isReported = () => (ipJson('link', 'show', host)[0].operstate === 'UP') === (state === 'up');
        for (const end = performance.now() + 30_000; !isReported(); ) {
          expect(performance.now()).toBeLessThan(end);
        }
      };
      const { stdout } = dispatch(cnikitPlugin(sys), {
        env: env('ADD', 'a', made),
        stdin: JSON.stringify(conf()),
        sameNetns: (path) => sameNetns(sys, path),
        mark(phase) {
          if (phase === 'host') {
            setPodEnd('up');
            setPodEnd('down');
          }
        },
      });
      const { mac } = JSON.parse(stdout).interfaces[1];
      const known = ['10.95.0.2', 'fd95::2'].map(
        (to) => ipJson('neighbour', 'show', to, 'dev', host)[0]?.lladdr,
      );
      expect(known).toEqual([mac, mac]);
    });

    test('the node learns in both families that tuning has changed the MAC address of a pod', async () => {
      const { made, json, host } = add('a');
      const mac = '02:00:00:00:00:77';
      const tuning = { cniVersion: '1.1.0', name: 'net', type: 'tuning', dataDir: here.dir, mac };
      ok(invoke(env('ADD', 'a', made), { ...tuning, prevResult: json }, 'tuning'));
      const macs = () =>
        ['10.95.0.2', 'fd95::2'].map((to) => ipJson('neighbour', 'show', to, 'dev', host)[0]?.lladdr);
      await eventually(() => expect(macs()).toEqual([mac, mac]));
    });

    test('a pod receives no frame of another pod that starts', () => {
      const { made } = add('a');
      // The host end itself reports its multicast groups.
      for (const command of [
        'add table netdev t',
        'add chain netdev t c { type filter hook ingress device eth0 priority 0; }',
        `add rule netdev t c ip6 saddr ${gateways[1]} accept`,
        'add rule netdev t c counter',
      ]) {
        made.run('nft', command);
      }
      add('b');
      add('c');
      expect(made.run('nft', 'list', 'ruleset')).toContain('counter packets 0 ');
    });

    test('the node drops packets of a pod with another source address, in both families', () => {
      run('ip', 'address', 'replace', '192.0.2.1/32', 'dev', 'lo');
      const [a, b] = [add('a'), add('b')];
      for (const [family, foreign, own, to] of [
        ['-4', '10.95.0.77', '10.95.0.2', '10.95.0.3'],
        ['-6', 'fd95::77', 'fd95::2', 'fd95::3'],
      ] as const) {
        a.made.run(
          'ip',
          family,
          'address',
          'add',
          foreign,
          'dev',
          'eth0',
          ...(family === '-6' ? ['nodad'] : []),
        );
        a.made.run('ping', '-c', '1', '-w', '30', '-I', own, to);
        const received = () => b.made.run('nstat', '-asz', 'IcmpInEchos', 'Icmp6InEchos');
        const before = received();
        expect(() => a.made.run('ping', '-c', '2', '-i', '0.2', '-W', '1', '-I', foreign, to)).toThrow();
        expect(received()).toBe(before);
      }
      expect(run('nft', 'list', 'table', 'inet', 'cnikit_guard')).toContain(
        'fib saddr . iif oif missing drop',
      );
      run('ip', 'address', 'del', '192.0.2.1/32', 'dev', 'lo');
    });

    test('nft -f loads a saved listing of the guard', () => {
      add('a');
      const saved = run('nft', 'list', 'table', 'inet', 'cnikit_guard');
      run('nft', 'delete', 'table', 'inet', 'cnikit_guard');
      run('sh', '-c', `printf '%s' '${saved}' | nft -f -`);
      expect(run('nft', 'list', 'table', 'inet', 'cnikit_guard')).toBe(saved);
    });

    test('pods of both layouts reach each other in both families', async () => {
      const old = add('old', { layout: 'bridge' });
      const young = add('young');
      for (const [from, to] of [
        [old, young],
        [young, old],
      ] as const) {
        for (const { address } of to.json.ips) {
          await eventually(() => ping(from.made, address.slice(0, address.indexOf('/'))));
        }
      }
      ok(call('CHECK', 'old', old.made, { prevResult: old.json }));
      ok(call('CHECK', 'young', young.made, { prevResult: young.json, layout: 'bridge' }));
      ok(call('DEL', 'old', old.made, { prevResult: old.json }));
      ok(call('DEL', 'young', young.made, { prevResult: young.json, layout: 'bridge' }));
      expect([hostVeths(), reservations()]).toEqual([[], []]);
      expect(run('ip', '-6', 'neighbour', 'show', 'proxy')).toBe('');
    });

    test('cnikit DEL without a result ends the answers of the bridge for a routed pod', () => {
      add('old', { layout: 'bridge' });
      const young = add('young');
      const proxies = () => run('ip', '-6', 'neighbour', 'show', 'proxy');
      expect(proxies()).not.toBe('');
      // The answers over IPv6 do not depend on those over IPv4.
      run('sysctl', '-qw', 'net.ipv4.conf.routed0.proxy_arp=0');
      ok(call('DEL', 'young', young.made, { layout: 'bridge' }));
      expect([proxies(), hostVeths().length]).toEqual(['', 1]);
    });

    test('cnikit GC frees pods of both layouts that are not listed', () => {
      add('old', { layout: 'bridge' });
      add('young');
      ok(call('GC', '', { path: '' }, { 'cni.dev/valid-attachments': [] }));
      expect([hostVeths(), reservations()]).toEqual([[], []]);
    });

    test('cnikit ADD names an address that the node already routes elsewhere, and leaves nothing', () => {
      run('ip', 'link', 'add', 'other0', 'type', 'bridge');
      run('ip', 'link', 'set', 'other0', 'up');
      run('ip', 'route', 'add', '10.95.0.2/32', 'dev', 'other0');
      fails(call('ADD', 'a', pod()), 999, /already has a route to 10\.95\.0\.2/);
      expect([hostVeths(), reservations()]).toEqual([[], []]);
      run('ip', 'link', 'del', 'other0');
    });

    test('cnikit ADD gives a pod of one family only what that family needs', () => {
      const ipam = { ...conf().ipam, ranges: [[{ subnet: 'fd95::/64' }]] };
      const { made, json } = add('six', { ipam });
      expect(json.ips).toEqual([{ address: 'fd95::2/64', gateway: gateways[1], interface: 1 }]);
      expect(made.run('ip', '-4', 'route')).toBe('');
    });

    test.each(['vlan', 'macspoofchk', 'disableContainerInterface'])(
      'cnikit ADD refuses the field %s, which needs a bridge',
      (field) => {
        const changes = { [field]: field === 'vlan' ? 7 : true };
        const ipam = field === 'disableContainerInterface' ? { ipam: {} } : {};
        fails(call('ADD', 'a', pod(), { ...changes, ...ipam }), 7, new RegExp(`${field} needs a bridge`));
      },
    );

    test('cnikit ADD maps ports and limits bandwidth, and the pod reaches itself by its host port', () => {
      const runtimeConfig = {
        portMappings: [{ hostPort: 18080, containerPort: 8080, protocol: 'tcp' }],
        bandwidth: {
          ingressRate: 8_000_000,
          ingressBurst: 800_000,
          egressRate: 8_000_000,
          egressBurst: 800_000,
        },
      };
      const more = { capabilities: { portMappings: true, bandwidth: true }, runtimeConfig, ipMasq: true };
      const { made, json, host } = add('a', more);
      expect(run('tc', 'qdisc', 'show', 'dev', host)).toContain('tbf');
      expect(ipJson('link', 'show', host)[0].group).toMatch(/^16\d{8}$/);
      ok(call('CHECK', 'a', made, { ...more, prevResult: json }));
      ok(call('DEL', 'a', made, { ...more, prevResult: json }));
      expect([hostVeths(), reservations()]).toEqual([[], []]);
    });
  },
);
