/** Every verb of the bridge against the real kernel, by the executable and under Node. */
import { existsSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { soakSize } from '../../../vitest.soak.ts';
import { hostVethName } from '../src/links/names.ts';
import { env, fails, inSandbox, ok } from './harness.ts';
import { invokers, isUpstreamPinned, runUpstream } from './invoke.ts';
import { hostVeths, ipJson, run } from './namespaces.ts';
import { scratch } from './scratch.ts';

describe.skipIf(!inSandbox).each(invokers)(
  'bridge by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();

    const conf = (changes: object = {}) => ({
      cniVersion: '1.0.0',
      name: 'net',
      type: 'cnikit',
      bridge: 'cni0',
      isDefaultGateway: true,
      ipam: {
        type: 'host-local',
        dataDir: here.dir,
        ranges: [[{ subnet: '10.91.0.0/24' }], [{ subnet: 'fd91::/64' }]],
      },
      ...changes,
    });
    const { pod, reservations } = here;

    test('bridge ADD gives the pod an interface, addresses of both families and default routes', () => {
      const made = pod();
      const { json } = ok(invoke(env('ADD', 'c1', made), conf()));
      const hostName = hostVethName('net', 'c1', 'eth0');
      expect(json).toEqual({
        cniVersion: '1.0.0',
        interfaces: [
          { name: 'cni0', mac: ipJson('link', 'show', 'cni0')[0].address },
          { name: hostName, mac: ipJson('link', 'show', hostName)[0].address },
          {
            name: 'eth0',
            mac: JSON.parse(made.run('ip', '-j', 'link', 'show', 'eth0'))[0].address,
            sandbox: made.path,
          },
        ],
        ips: [
          { address: '10.91.0.2/24', gateway: '10.91.0.1', interface: 2 },
          { address: 'fd91::2/64', gateway: 'fd91::1', interface: 2 },
        ],
        routes: [
          { dst: '0.0.0.0/0', gw: '10.91.0.1' },
          { dst: '::/0', gw: 'fd91::1' },
        ],
      });
      expect(ipJson('link', 'show', hostName)[0]).toMatchObject({ master: 'cni0', operstate: 'UP' });
      made.run('ping', '-c', '1', '-w', '30', '10.91.0.1');
      made.run('ping', '-6', '-c', '1', '-w', '30', 'fd91::1');
    });

    test('bridge ADD leaves no tentative IPv6 address', () => {
      const made = pod();
      ok(invoke(env('ADD', 'c1', made), conf()));
      const addresses = JSON.parse(made.run('ip', '-6', '-j', 'address', 'show', 'eth0'))[0].addr_info;
      expect(addresses).toHaveLength(2);
      expect(addresses.filter((one: { tentative?: boolean }) => one.tentative)).toEqual([]);
    });

    test('pods on one bridge reach each other', () => {
      const [a, b] = [pod(), pod()];
      ok(invoke(env('ADD', 'a', a), conf()));
      const { json } = ok(invoke(env('ADD', 'b', b), conf()));
      expect(json.ips[0].address).toBe('10.91.0.3/24');
      a.run('ping', '-c', '1', '-w', '30', '10.91.0.3');
      a.run('ping', '-6', '-c', '1', '-w', '30', 'fd91::3');
      expect(ipJson('link', 'show', 'type', 'bridge')).toHaveLength(1);
    });

    test.each([
      ['hairpinMode', 'hairpin'],
      ['portIsolation', 'isolated'],
    ])('bridge ADD sets the port attribute of %s', (field, attribute) => {
      ok(invoke(env('ADD', 'c1', pod()), conf({ [field]: true })));
      const port = ipJson('-d', 'link', 'show', hostVethName('net', 'c1', 'eth0'))[0];
      expect(port.linkinfo.info_slave_data[attribute]).toBe(true);
    });

    test('bridge ADD sets mtu on the bridge and both ends', () => {
      const made = pod();
      ok(invoke(env('ADD', 'c1', made), conf({ mtu: 1400 })));
      expect(ipJson('link', 'show', 'cni0')[0].mtu).toBe(1400);
      expect(ipJson('link', 'show', hostVethName('net', 'c1', 'eth0'))[0].mtu).toBe(1400);
      expect(JSON.parse(made.run('ip', '-j', 'link', 'show', 'eth0'))[0].mtu).toBe(1400);
    });

    test('bridge ADD matches configuration keys in any case', () => {
      ok(invoke(env('ADD', 'c1', pod()), { ...conf(), MTU: 1380, bridge: undefined, BRIDGE: 'cni0' }));
      expect(ipJson('link', 'show', 'cni0')[0].mtu).toBe(1380);
    });

    test('bridge ADD returns a result in the format of each CNI version', () => {
      const shapes: Record<string, unknown> = {};
      for (const cniVersion of ['0.2.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0']) {
        const id = `v${cniVersion}`;
        const { json } = ok(invoke(env('ADD', id, pod()), conf({ cniVersion })));
        shapes[cniVersion] = Object.keys(json);
        if (cniVersion === '0.4.0') {
          expect(json.ips[0].version).toBe('4');
        }
      }
      expect(shapes['0.2.0']).toContain('ip4');
      expect(shapes['1.1.0']).toContain('interfaces');
    });

    test('bridge DEL frees the link and the addresses, and succeeds again', () => {
      const made = pod();
      ok(invoke(env('ADD', 'c1', made), conf()));
      for (let i = 0; i < 3; i++) {
        expect(ok(invoke(env('DEL', 'c1', made), conf())).stdout).toBe('');
        expect(hostVeths()).toEqual([]);
        expect(reservations()).toEqual([]);
      }
    });

    test.each(['', '/run/netns/gone', '/dev/null'])(
      'bridge DEL frees everything when CNI_NETNS is %j',
      (path) => {
        const made = pod();
        ok(invoke(env('ADD', 'c1', made), conf()));
        ok(invoke(env('DEL', 'c1', { path }), conf()));
        expect(hostVeths()).toEqual([]);
        expect(reservations()).toEqual([]);
      },
    );

    test('bridge DEL frees the addresses after the namespace is deleted', () => {
      const made = pod();
      ok(invoke(env('ADD', 'c1', made), conf()));
      made.remove();
      ok(invoke(env('DEL', 'c1', made), conf()));
      expect(reservations()).toEqual([]);
    });

    test('bridge DEL removes an interface that another plugin created', () => {
      const made = pod();
      run('ip', 'link', 'add', 'vethother', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', made.name);
      ok(invoke(env('DEL', 'c1', made), conf()));
      expect(hostVeths()).toEqual([]);
    });

    test('bridge DEL of an old container does not affect a newer one', () => {
      const made = pod();
      ok(invoke(env('ADD', 'old', pod()), conf()));
      ok(invoke(env('ADD', 'new', made), conf()));
      ok(invoke(env('DEL', 'old', { path: '' }), conf()));
      made.run('ping', '-c', '1', '-w', '30', '10.91.0.1');
      expect(reservations()).toHaveLength(2);
    });

    test('bridge ADD undoes its changes when it fails', () => {
      const made = pod();
      made.run('ip', 'link', 'add', 'eth0', 'type', 'bridge');
      fails(invoke(env('ADD', 'c1', made), conf()), 999, /eth0.*exists/);
      expect(reservations()).toEqual([]);
      expect(hostVeths()).toEqual([]);
    });

    test('bridge ADD fails and leaves nothing when the kernel rejects a route', () => {
      const ipam = { ...conf().ipam, routes: [{ dst: '192.0.2.0/24', gw: '198.51.100.1' }] };
      const answer = invoke(env('ADD', 'c1', pod()), conf({ ipam }));
      fails(answer, 999, /192\.0\.2\.0\/24/);
      expect(reservations()).toEqual([]);
      expect(hostVeths()).toEqual([]);
    });

    test('bridge ADD rejects a second ADD of an attachment and keeps the first', () => {
      const made = pod();
      ok(invoke(env('ADD', 'c1', made), conf()));
      fails(invoke(env('ADD', 'c1', made), conf()), 999, /eth0.*already exists/);
      expect(reservations()).toHaveLength(2);
      made.run('ping', '-c', '1', '-w', '30', '10.91.0.1');
    });

    test('bridge ADD fails and leaves nothing when the pool is full', () => {
      const ipam = { ...conf().ipam, ranges: [[{ subnet: '10.91.0.0/30' }]] };
      ok(invoke(env('ADD', 'c1', pod()), conf({ ipam })));
      const answer = invoke(env('ADD', 'c2', pod()), conf({ ipam }));
      fails(answer, 999, /no IP addresses available/);
      expect(hostVeths()).toHaveLength(1);
    });

    const badInput: [what: string, changes: object, conf: unknown, code: number, msg: RegExp][] = [
      ['an over-long ifname', { CNI_IFNAME: 'a234567890123456' }, {}, 4, /CNI_IFNAME/],
      ['a container id with a slash', { CNI_CONTAINERID: 'a/b' }, {}, 4, /CNI_CONTAINERID/],
      ['a missing namespace', { CNI_NETNS: '/run/netns/none' }, {}, 4, /CNI_NETNS/],
      [
        'a file that is not a namespace',
        { CNI_NETNS: '/etc/passwd' },
        {},
        4,
        /CNI_NETNS.*not a network namespace/,
      ],
      ['a FIFO', { CNI_NETNS: '/run/cnikit-fifo' }, {}, 4, /CNI_NETNS.*not a network namespace/],
      ['no namespace', { CNI_NETNS: '' }, {}, 4, /CNI_NETNS/],
      ['the node’s own namespace', { CNI_NETNS: '/proc/self/ns/net' }, {}, 8, /CNI_NETNS/],
      ['a network name that is a path', {}, { name: '../../x' }, 7, /name/],
      ['an unknown version', {}, { cniVersion: '9.9.9' }, 1, /version/],
      ['an mtu that is text', {}, { mtu: 'big' }, 7, /bridge configuration/],
      ['a bridge name with a slash', {}, { bridge: 'a/b' }, 7, /bridge configuration/],
      ['an unknown backend', {}, { ipMasqBackend: 'ipfw' }, 7, /ipMasqBackend/],
      ['two port modes', {}, { hairpinMode: true, promiscMode: true }, 7, /hairpin/],
      ['an IPAM that is not built in', {}, { ipam: { type: 'dhcp' } }, 7, /dhcp/],
      ['an invalid subnet', {}, { ipam: { type: 'host-local', subnet: '10.0.0.0' } }, 7, /./],
    ];
    test.each(badInput)(
      'bridge ADD returns a CNI error and changes nothing with %s',
      (_what, changes, bad, code, msg) => {
        const made = pod();
        if (!existsSync('/run/cnikit-fifo')) {
          run('mkfifo', '/run/cnikit-fifo');
        }
        const answer = invoke({ ...env('ADD', 'c1', made), ...changes }, conf(bad as object));
        fails(answer, code, msg);
        expect(hostVeths()).toEqual([]);
        expect(made.run('ip', '-j', 'link', 'show', 'type', 'veth').trim()).toMatch(/^(\[\])?$/);
      },
    );

    test('bridge ADD names a link of the bridge’s name that is not a bridge', () => {
      run('ip', 'link', 'add', 'cni0', 'type', 'veth', 'peer', 'name', 'other');
      fails(invoke(env('ADD', 'c1', pod()), conf()), 7, /cni0.*not a bridge .it is a veth/);
      expect(hostVeths().sort()).toEqual(['cni0', 'other']);
      run('ip', 'link', 'del', 'other');
    });

    test('bridge ADD rejects another gateway address, or replaces it with forceAddress', () => {
      run('ip', 'link', 'add', 'cni0', 'type', 'bridge');
      run('ip', 'address', 'add', '10.92.0.1/24', 'dev', 'cni0');
      fails(
        invoke(env('ADD', 'c1', pod()), conf()),
        7,
        /already has an IP address different from 10\.91\.0\.1/,
      );
      ok(invoke(env('ADD', 'c1', pod()), conf({ forceAddress: true })));
      const held = ipJson('-4', 'address', 'show', 'cni0')[0].addr_info.map(
        (one: { local: string }) => one.local,
      );
      expect(held).toEqual(['10.91.0.1']);
    });

    test('bridge CHECK passes after ADD, and names everything that is missing', () => {
      const made = pod();
      const prevResult = ok(invoke(env('ADD', 'c1', made), conf())).json;
      const check = () => invoke(env('CHECK', 'c1', made), conf({ prevResult }));
      expect(ok(check()).stdout).toBe('');
      made.run('ip', 'route', 'del', 'default');
      fails(check(), 999, /route to 0\.0\.0\.0\/0 via 10\.91\.0\.1 is missing/);
      made.run('ip', 'address', 'del', '10.91.0.2/24', 'dev', 'eth0');
      fails(check(), 999, /address 10\.91\.0\.2\/24 is missing/);
      run('ip', 'link', 'set', hostVethName('net', 'c1', 'eth0'), 'nomaster');
      fails(check(), 999, /not a port of cni0/);
      rmSync(`${here.dir}/net/10.91.0.2`);
      fails(check(), 999, /10\.91\.0\.2/);
    });

    test('bridge CHECK fails when the MAC address of the bridge or of the host end changed, as upstream', () => {
      const made = pod();
      const prevResult = ok(invoke(env('ADD', 'c1', made), conf())).json;
      const [bridge, host] = prevResult.interfaces;
      for (const { name, mac } of [bridge, host]) {
        run('ip', 'link', 'set', name, 'address', '02:00:00:00:12:34');
        const expected = `interface ${name} has MAC address 02:00:00:00:12:34, not ${mac}`;
        fails(invoke(env('CHECK', 'c1', made), conf({ prevResult })), 999, expected);
        run('ip', 'link', 'set', name, 'address', mac);
        ok(invoke(env('CHECK', 'c1', made), conf({ prevResult })));
      }
      if (isUpstreamPinned) {
        const theirs = { name: 'upstream', bridge: 'cni0', isDefaultGateway: true };
        const other = pod();
        const call = (command: string, more = {}) =>
          runUpstream(env(command, 'c2', other), conf({ ...theirs, ...more }), 'bridge');
        const result = ok(call('ADD')).json;
        run('ip', 'link', 'set', 'cni0', 'address', '02:00:00:00:12:34');
        fails(call('CHECK', { prevResult: result }), 999, /Mac doesn't match/);
      }
    });

    test.each([
      ['0.0.0.0/0', { table: 100 }],
      ['0.0.0.0/0', { table: 100, gw: '10.91.0.1' }],
      ['::/0', { table: 100 }],
      ['::/0', { table: 100, gw: 'fd91::1' }],
    ])('bridge ADD keeps the default route of the main table beside %s with %j', (dst, more) => {
      const made = pod();
      const ipam = { ...conf().ipam, routes: [{ dst, ...more }] };
      const prevResult = ok(invoke(env('ADD', 'c1', made), conf({ ipam }))).json;
      const family = dst.includes(':') ? '-6' : '-4';
      expect(made.run('ip', family, 'route', 'show', 'default')).toMatch(/^default via \S+1 dev eth0/);
      expect(made.run('ip', family, 'route', 'show', 'table', '100')).toMatch(/^default via \S+1 dev eth0/);
      ok(invoke(env('CHECK', 'c1', made), conf({ ipam, prevResult })));
      made.run('ip', family, 'route', 'del', 'default');
      fails(invoke(env('CHECK', 'c1', made), conf({ ipam, prevResult })), 999, /route to \S+\/0 via/);
    });

    test.each(['192.0.2.77/24', '2001:db8::77/32', '203.0.113.9/0', 'fd00::1/0'])(
      'bridge ADD clears the host bits of the route %s, and CHECK passes',
      (dst) => {
        const made = pod();
        const ipam = { ...conf().ipam, routes: [{ dst }] };
        const prevResult = ok(invoke(env('ADD', 'c1', made), conf({ ipam }))).json;
        ok(invoke(env('CHECK', 'c1', made), conf({ ipam, prevResult })));
      },
    );

    test('bridge ADD leaves no tentative link-local address in a pod that has only IPv4', () => {
      const made = pod();
      const ipam = { type: 'host-local', dataDir: here.dir, subnet: '10.91.7.0/24' };
      ok(invoke(env('ADD', 'c1', made), conf({ ipam, bridge: 'four0' })));
      const [{ addr_info: addresses }] = JSON.parse(made.run('ip', '-6', '-j', 'address', 'show', 'eth0'));
      expect(addresses).toHaveLength(1);
      expect(addresses[0]).toMatchObject({ scope: 'link', local: expect.stringMatching(/^fe80:/) });
      expect(addresses[0]).not.toHaveProperty('tentative');
    });

    test('bridge CHECK fails without prevResult', () => {
      fails(invoke(env('CHECK', 'c1', pod()), conf()), 7, /prevResult/);
    });

    test('bridge GC frees unlisted attachments of its own network only', () => {
      const made = [pod(), pod(), pod()] as const;
      ok(invoke(env('ADD', 'keep', made[0]), conf()));
      ok(invoke(env('ADD', 'lost', made[1]), conf()));
      ok(invoke(env('ADD', 'other', made[2]), conf({ name: 'othernet' })));
      const valid = { 'cni.dev/valid-attachments': [{ containerID: 'keep', ifname: 'eth0' }] };
      const gc = (changes: object) =>
        invoke({ CNI_COMMAND: 'GC', CNI_PATH: '/' }, conf({ cniVersion: '1.1.0', ...changes }));
      ok(gc({}));
      expect(hostVeths()).toHaveLength(3);
      ok(gc(valid));
      expect(hostVeths().sort()).toEqual(
        [hostVethName('net', 'keep', 'eth0'), hostVethName('othernet', 'other', 'eth0')].sort(),
      );
      expect(reservations().sort()).toEqual(['10.91.0.2', 'fd91::2']);
    });

    test('bridge STATUS fails for a full range only with failStatusWhenFull', () => {
      const ipam = { ...conf().ipam, ranges: [[{ subnet: '10.91.0.0/30' }]] };
      const status = (changes: object = {}) =>
        invoke(
          { CNI_COMMAND: 'STATUS', CNI_PATH: '/' },
          conf({ cniVersion: '1.1.0', ipam: { ...ipam, ...changes } }),
        );
      const strict = { failStatusWhenFull: true };
      expect(ok(status(strict)).stdout).toBe('');
      ok(invoke(env('ADD', 'c1', pod()), conf({ ipam })));
      fails(status(strict), 50, /10\.91\.0/);
      expect(ok(status()).stdout).toBe('');
      fails(status({ failStatusWhenFull: 'yes' }), 7, /failStatusWhenFull must be a boolean/);
    });

    test('bridge VERSION needs only CNI_COMMAND', () => {
      const { json } = ok(invoke({ CNI_COMMAND: 'VERSION' }, '{"cniVersion":"1.0.0"}'));
      expect(json).toEqual({
        cniVersion: '1.0.0',
        supportedVersions: ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'],
      });
    });
  },
);

describe.skipIf(!inSandbox)('concurrency (needs the sandbox: run npm test at the root)', () => {
  test('concurrent bridge ADDs give each pod its own address', async () => {
    const { concurrentAdds } = await import('./concurrent.ts');
    const pods = soakSize(12, 32);
    const addresses = await concurrentAdds(pods);
    expect(new Set(addresses).size).toBe(pods);
  });
});
