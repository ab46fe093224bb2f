/** IPv6 on the node's links and in the pod: router advertisements, link-local addresses, pods with IPv6 switched off. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { executablePath } from '../src/executable-path.ts';
import { hostVethName } from '../src/links/names.ts';
import { env, fails, inSandbox, ok } from './harness.ts';
import { invokers } from './invoke.ts';
import { ipJson, type Pod, run } from './namespaces.ts';
import { scratch } from './scratch.ts';

const conf = (link: string) => `/proc/sys/net/ipv6/conf/${link}`;
const acceptRa = (link: string) => readFileSync(`${conf(link)}/accept_ra`, 'utf8').trim();
interface Address {
  local?: string;
  tentative?: true;
}
/** Usable link-local addresses in the output of ip, which prints `{}` for the other addresses of a link. */
const usable = (addresses: Address[] = []) =>
  addresses.flatMap(({ local, tentative }) => (local === undefined || tentative ? [] : [local]));
const SHOW = ['-6', 'address', 'show', 'scope', 'link', 'dev'];
const linkLocals = (link: string) => usable(ipJson(...SHOW, link)[0]?.addr_info);

/** Sends one router advertisement, lifetime 30 minutes, from a link-local address of the pod (RFC 4861 section 4.2). */
function advertiseRouter(pod: Pod): void {
  pod.run('ip', 'address', 'replace', 'fe80::66/64', 'dev', 'eth0', 'nodad');
  const program = `
    use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6);
    socket(my $s, AF_INET6, SOCK_RAW, 58) or die $!;
    setsockopt($s, 41, 18, pack("i", 255)) or die $!;
    my $index = ${JSON.parse(pod.run('ip', '-j', 'link', 'show', 'eth0'))[0].ifindex};
    bind($s, pack_sockaddr_in6(0, inet_pton(AF_INET6, "fe80::66"), $index)) or die $!;
    my $ra = pack("CCnCCnNN", 134, 0, 0, 64, 0, 1800, 0, 0);
    send($s, $ra, 0, pack_sockaddr_in6(0, inet_pton(AF_INET6, "ff02::1"), $index)) or die $!;`;
  pod.run('perl', '-e', program);
}

const defaultRoutes = () => ipJson('-6', 'route', 'show', 'default').map(({ dev }) => dev);

describe.skipIf(!inSandbox).each(invokers)(
  'IPv6 by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const base = (type: string, subnets: readonly string[]) => ({
      cniVersion: '1.0.0',
      name: 'net',
      type,
      ...(type === 'bridge' ? { bridge: 'six0', isGateway: true } : {}),
      ipam: { type: 'host-local', dataDir: here.dir, ranges: subnets.map((subnet) => [{ subnet }]) },
    });
    const BOTH = ['10.96.7.0/24', 'fd96:7::/64'];
    const add = (type: string, id: string, pod: Pod, subnets: readonly string[], more: object = {}) =>
      ok(invoke(env('ADD', id, pod), { ...base(type, subnets), ...more }, type));

    beforeEach(() => {
      for (const link of ['all', 'default']) {
        writeFileSync(`${conf(link)}/forwarding`, '0');
        writeFileSync(`${conf(link)}/accept_ra`, '1');
      }
    });
    afterEach(() => {
      writeFileSync(`${conf('all')}/forwarding`, '0');
    });

    test.each(['bridge', 'ptp'])(
      '%s ADD makes each of the node’s links ignore router advertisements',
      (type) => {
        add(type, 'a', here.pod(), BOTH);
        expect(acceptRa(hostVethName('net', 'a', 'eth0'))).toBe('0');
        if (type === 'bridge') {
          expect(acceptRa('six0')).toBe('0');
        }
      },
    );

    test.each(['bridge', 'ptp'])('%s ADD names an MTU that is too small for IPv6', (type) => {
      const add = { ...base(type, BOTH), mtu: 1200 };
      fails(invoke(env('ADD', 'a', here.pod()), add, type), 7, /The MTU 1200 is too small for IPv6/);
      ok(invoke(env('ADD', 'a', here.pod()), { ...add, ...base(type, BOTH.slice(0, 1)) }, type));
    });

    test('bridge ADD that fails because of its MTU leaves the bridge its IPv6 addresses', () => {
      add('bridge', 'a', here.pod(), BOTH);
      const held = () =>
        ipJson('-6', 'address', 'show', 'dev', 'six0')[0]?.addr_info.map(({ local }: Address) => local);
      const before = held();
      expect(before).toContain('fd96:7::1');
      const small = { ...base('bridge', BOTH), mtu: 1200 };
      fails(invoke(env('ADD', 'b', here.pod()), small, 'bridge'), 7, /MTU 1200/);
      expect(held()).toEqual(before);
    });

    test('bridge ADD makes a bridge made by another program ignore router advertisements', () => {
      run('ip', 'link', 'add', 'six0', 'type', 'bridge');
      writeFileSync(`${conf('six0')}/accept_ra`, '2');
      add('bridge', 'a', here.pod(), BOTH);
      expect(acceptRa('six0')).toBe('0');
      writeFileSync(`${conf('six0')}/accept_ra`, '2');
      add('bridge', 'b', here.pod(), BOTH);
      expect(acceptRa('six0')).toBe('0');
    });

    test.each([
      ['bridge', () => 'six0', '10.96.7.1'],
      ['ptp', () => hostVethName('net', 'a', 'eth0'), '10.96.7.1'],
    ])('a router advertisement from a pod of %s gives the node no route', (type, link, gateway) => {
      const pod = here.pod();
      // IPv4 only, so that the node does not forward IPv6.
      add(type, 'a', pod, ['10.96.7.0/24']);
      const advertise = () => {
        advertiseRouter(pod);
        // Packets of one link are processed in order: after the reply, the advertisement has been processed.
        pod.run('ping', '-c', '1', '-w', '30', gateway);
        return defaultRoutes();
      };
      expect(advertise()).toEqual([]);
      writeFileSync(`${conf(link())}/accept_ra`, '1');
      expect(advertise()).toEqual([link()]);
      run('ip', '-6', 'route', 'flush', 'default');
    });

    test('bridge ADD restores forwarded IPv6 after the bridge was down', () => {
      const [a, b] = [here.pod(), here.pod()];
      add('bridge', 'a', a, BOTH);
      const before = linkLocals('six0');
      run('ip', 'link', 'set', 'six0', 'down');
      run('ip', 'link', 'set', 'six0', 'up');
      add('bridge', 'b', b, BOTH);
      expect(linkLocals('six0')).toEqual(before);
      for (const pod of [a, b]) {
        pod.run('ping', '-6', '-c', '1', '-w', '30', 'fd96:7::1');
      }
    });

    test('bridge ADD ends duplicate address detection of the bridge’s link-local address', () => {
      add('bridge', 'a', here.pod(), BOTH);
      const before = linkLocals('six0');
      writeFileSync(`${conf('six0')}/dad_transmits`, '100');
      run('ip', 'address', 'del', `${before[0]}/64`, 'dev', 'six0');
      run('ip', 'address', 'add', `${before[0]}/64`, 'dev', 'six0');
      expect(linkLocals('six0')).toEqual([]);
      add('bridge', 'b', here.pod(), BOTH);
      expect(linkLocals('six0')).toEqual(before);
    });

    test('the link-local address of a pod comes back when its interface was down', () => {
      const pod = here.pod();
      add('bridge', 'a', pod, BOTH);
      const locals = () => usable(JSON.parse(pod.run('ip', '-j', ...SHOW, 'eth0'))[0]?.addr_info);
      const before = locals();
      expect(before).toHaveLength(1);
      pod.run('ip', 'link', 'set', 'eth0', 'down');
      expect(locals()).toEqual([]);
      // Without duplicate detection, so that the kernel's address is usable immediately.
      pod.run('sysctl', '-qw', 'net.ipv6.conf.eth0.accept_dad=0');
      pod.run('ip', 'link', 'set', 'eth0', 'up');
      expect(locals()).toEqual(before);
    });

    test.each([
      ['bridge', { isDefaultGateway: true }],
      ['ptp', {}],
      ['cnikit', { layout: 'routed' }],
    ])('%s ADD switches IPv6 on in a pod that has it off', (type, more) => {
      const pod = here.pod();
      for (const link of ['all', 'default']) {
        pod.run('sysctl', '-qw', `net.ipv6.conf.${link}.disable_ipv6=1`);
      }
      const { json } = add(type, 'a', pod, BOTH, more);
      expect(usable(JSON.parse(pod.run('ip', '-j', ...SHOW, 'eth0'))[0]?.addr_info)).toHaveLength(1);
      pod.run('ping', '-6', '-c', '1', '-w', '30', '-I', 'eth0', json.ips[1].gateway);
      pod.run('ip', 'link', 'set', 'lo', 'up');
      pod.run('ping', '-6', '-c', '1', '-w', '30', '::1');
    });

    test('ADD leaves IPv6 off in a pod that gets no IPv6 address', () => {
      const pod = here.pod();
      pod.run('sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1');
      add('bridge', 'a', pod, ['10.96.7.0/24']);
      expect(pod.run('sysctl', '-n', 'net.ipv6.conf.eth0.disable_ipv6').trim()).toBe('1');
    });

    test('bridge ADD pins the MAC address of a bridge that borrows it from a port', () => {
      run('ip', 'link', 'add', 'six0', 'type', 'bridge');
      run('ip', 'link', 'set', 'six0', 'up');
      run('ip', 'address', 'add', '10.96.7.1/24', 'dev', 'six0');
      const type = () => readFileSync('/sys/class/net/six0/addr_assign_type', 'utf8').trim();
      expect(type()).not.toBe('3');
      const { json } = add('bridge', 'a', here.pod(), ['10.96.7.0/24']);
      expect(type()).toBe('3');
      const mac = ipJson('link', 'show', 'six0')[0].address;
      expect(json.interfaces[0].mac).toBe(mac);
      add('bridge', 'b', here.pod(), ['10.96.7.0/24'], { runtimeConfig: { mac: '02:00:00:00:00:01' } });
      expect(ipJson('link', 'show', 'six0')[0].address).toBe(mac);
    });

    test('cnikit ADD pins the MAC address of a bridge that the mounted sysfs does not show', () => {
      const node = here.pod();
      node.run('ip', 'link', 'add', 'six0', 'type', 'bridge');
      const mac = () => JSON.parse(node.run('ip', '-j', 'link', 'show', 'six0'))[0].address;
      const before = mac();
      // Unlike `ip netns exec`, it keeps the sysfs of the present namespace.
      const exec = (command: string, pod: Pod) =>
        spawnSync('nsenter', [`--net=${node.path}`, executablePath()], {
          env: env(command, 'a', pod),
          input: JSON.stringify({ ...base('bridge', ['10.96.7.0/24']), type: 'cnikit' }),
          encoding: 'utf8',
        });
      const pod = here.pod();
      const { stdout, stderr } = exec('ADD', pod);
      expect(stderr).toBe('');
      expect([JSON.parse(stdout).interfaces[0].mac, mac()]).toEqual([before, before]);
      expect(exec('DEL', pod).stdout).toBe('');
      expect(mac()).toBe(before);
    });
  },
);
