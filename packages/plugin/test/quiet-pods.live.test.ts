/** The fields `macFromAddress` and `routerSolicitations` of `bridge`: pods that send less to the others when they start. */
import { describe, expect, test, vi } from 'vitest';
import { env, fails, inSandbox, ok } from './harness.ts';
import { invokers } from './invoke.ts';
import type { Pod } from './namespaces.ts';
import { scratch } from './scratch.ts';

describe.skipIf(!inSandbox).each(invokers)(
  'quiet pods by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const { pod } = here;
    const IPV4 = [{ subnet: '10.94.0.0/24' }];
    const IPV6 = [{ subnet: 'fd94::/64' }];
    const conf = (ranges: object[], changes: object = {}) => ({
      cniVersion: '1.0.0',
      name: 'net',
      type: 'bridge',
      bridge: 'quiet0',
      isDefaultGateway: true,
      macFromAddress: true,
      ipam: { type: 'host-local', dataDir: here.dir, ranges },
      ...changes,
    });
    const call = (
      command: string,
      id: string,
      at: Pick<Pod, 'path'>,
      ranges: object[],
      changes: object = {},
    ) => invoke(env(command, id, at), conf(ranges, changes), 'bridge');
    const add = (id: string, ranges: object[], changes: object = {}) => {
      const made = pod();
      const { json } = ok(call('ADD', id, made, ranges, changes));
      const [{ address: mac }] = JSON.parse(made.run('ip', '-j', 'link', 'show', 'eth0'));
      expect(json.interfaces[2].mac).toBe(mac);
      return { made, json, mac };
    };
    const ips = (...addresses: string[]) => ({ runtimeConfig: { ips: addresses } });
    /** Sends one packet: it is lost when a neighbour has an earlier MAC address. */
    const ping = (from: Pod, to: string) => from.run('ping', '-c', '1', '-W', '10', to);
    /** Returns a function that reads how many announcements have reached a pod. */
    const announcementsTo = (made: Pod) => {
      for (const command of [
        'add table netdev t',
        'add chain netdev t c { type filter hook ingress device eth0 priority 0; }',
        'add rule netdev t c ether type arp counter',
        'add rule netdev t c icmpv6 type nd-neighbor-advert counter',
      ]) {
        made.run('nft', command);
      }
      return () =>
        [...made.run('nft', 'list', 'ruleset').matchAll(/counter packets (\d+)/g)].map(([, n]) => Number(n));
    };

    test.each([
      ['IPv4', [IPV4], '10.94.0.60', '0a:58:0a:5e:00:3c'],
      // The first bytes of `printf %s fd94::60 | sha512sum`, locally administered and unicast.
      ['IPv6', [IPV6], 'fd94::60', 'ee:cb:fb:84:eb:d4'],
    ])(
      'bridge ADD with macFromAddress announces no address of %s, and a neighbour of an earlier pod reaches it',
      (family, ranges, address, wanted) => {
        const neighbour = add('n', ranges).made;
        const first = add('a', ranges, ips(address));
        expect(first.mac).toBe(wanted);
        ping(neighbour, address);
        ok(call('DEL', 'a', first.made, ranges));
        const read = announcementsTo(neighbour);
        const { made, json } = add('b', ranges, ips(address));
        expect(read()).toEqual([0, 0]);
        const before = neighbour.run('ip', 'neighbour', 'show', address);
        expect(before).toContain(wanted);
        ping(neighbour, address);
        ok(call('CHECK', 'b', made, ranges, { prevResult: json }));
        if (family === 'IPv6') {
          expect(made.run('sysctl', '-n', 'net.ipv6.conf.eth0.ndisc_notify').trim()).toBe('0');
        }
      },
    );

    test('bridge ADD with macFromAddress announces the IPv6 address of a pod whose MAC address contains that of IPv4', async () => {
      const both = [IPV4, IPV6];
      const neighbour = add('n', both).made;
      const first = add('a', both, ips('10.94.0.60', 'fd94::60'));
      ping(neighbour, 'fd94::60');
      ok(call('DEL', 'a', first.made, both));
      const read = announcementsTo(neighbour);
      expect(add('b', both, ips('10.94.0.61', 'fd94::60')).mac).toBe('0a:58:0a:5e:00:3d');
      await vi.waitFor(() => expect(read()[1]).toBeGreaterThan(0), 30_000);
      expect(read()[0]).toBe(0);
      ping(neighbour, 'fd94::60');
      ping(neighbour, '10.94.0.61');
    });

    test.each([
      ['IPv4', [IPV4], '10.94.0.60', 'arp saddr ip 10.94.0.60 arp daddr ip 10.94.0.60'],
      // The target address of an advertisement to all nodes.
      ['IPv6', [IPV6], 'fd94::60', `ip6 daddr ff02::1 @th,64,128 0xfd94${'0'.repeat(26)}60`],
    ])(
      'bridge ADD without macFromAddress announces an %s address once, and a neighbour of an earlier pod reaches it',
      (_, ranges, address, announcement) => {
        const plain = { macFromAddress: false };
        const neighbour = add('n', ranges, plain).made;
        const first = add('a', ranges, { ...plain, ...ips(address) });
        ping(neighbour, address);
        ok(call('DEL', 'a', first.made, ranges, plain));
        neighbour.run('nft', 'add table netdev t');
        neighbour.run('nft', 'add chain netdev t c { type filter hook ingress device eth0 priority 0; }');
        neighbour.run('nft', `add rule netdev t c ${announcement} counter`);
        const { mac } = add('b', ranges, { ...plain, ...ips(address) });
        // The answer comes after the announcements.
        ping(neighbour, address);
        expect(neighbour.run('nft', 'list', 'ruleset')).toContain('counter packets 1 ');
        expect(neighbour.run('ip', 'neighbour', 'show', address)).toContain(mac);
      },
    );

    test('bridge ADD prefers the MAC address of the runtime to macFromAddress, and announces the address', async () => {
      const neighbour = add('n', [IPV4]).made;
      const read = announcementsTo(neighbour);
      const mac = '02:00:00:00:00:07';
      expect(add('a', [IPV4], { runtimeConfig: { mac } }).mac).toBe(mac);
      await vi.waitFor(() => expect(read()[0]).toBeGreaterThan(0), 30_000);
    });

    test('bridge CHECK fails when a pod has lost the MAC address that macFromAddress gave it', () => {
      const { made, json, mac } = add('a', [IPV4]);
      made.run('ip', 'link', 'set', 'eth0', 'address', '02:00:00:00:00:08');
      fails(call('CHECK', 'a', made, [IPV4], { prevResult: json }), 999, new RegExp(`, not ${mac}`));
    });

    test('macspoofchk passes frames of the MAC address that macFromAddress gives', () => {
      ping(add('a', [IPV4], { macspoofchk: true }).made, '10.94.0.1');
    });

    test('bridge ADD with macFromAddress switches IPv6 on in a pod that has it off', () => {
      const made = pod();
      for (const link of ['all', 'default']) {
        made.run('sysctl', '-qw', `net.ipv6.conf.${link}.disable_ipv6=1`);
      }
      ok(call('ADD', 'a', made, [IPV6]));
      ping(made, 'fd94::1');
    });

    test('bridge ADD with macFromAddress and without IPAM gives the pod a random MAC address', () => {
      expect(add('a', [], { ipam: {} }).mac).not.toMatch(/^0a:58/);
    });

    test('bridge ADD refuses macFromAddress with addresses from a DHCP server, which knows another MAC address', () => {
      fails(call('ADD', 'a', pod(), [], { ipam: { type: 'dhcp' } }), 7, /dhcp/);
    });

    test.each([
      ['IPv4', [IPV4]],
      ['both families', [IPV4, IPV6]],
    ])('a pod with %s solicits no router when routerSolicitations is false, from the start', (_, ranges) => {
      const { made } = add('a', ranges, { routerSolicitations: false });
      expect(made.run('nstat', '-asz', 'Icmp6OutRouterSolicits')).toMatch(/Icmp6OutRouterSolicits +0 /);
      expect(made.run('sysctl', '-n', 'net.ipv6.conf.eth0.router_solicitations').trim()).toBe('0');
      expect(made.run('sysctl', '-n', 'net.ipv6.conf.eth0.accept_ra').trim()).toBe('1');
    });

    test('bridge ADD with routerSolicitations false leaves IPv6 off in a pod that gets no IPv6 address', () => {
      const made = pod();
      made.run('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1');
      ok(call('ADD', 'a', made, [IPV4], { routerSolicitations: false }));
      expect(made.run('sysctl', '-n', 'net.ipv6.conf.eth0.disable_ipv6').trim()).toBe('1');
    });
  },
);
