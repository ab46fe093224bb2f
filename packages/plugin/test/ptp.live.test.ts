import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hostVethName } from '../src/links/names.ts';
import { comparable, env, fails, inSandbox, ok } from './harness.ts';
import { invokers, runUpstream, UPSTREAM_DIR } from './invoke.ts';
import { hostVeths, ipJson, type Pod, run } from './namespaces.ts';
import { scratch } from './scratch.ts';

describe.skipIf(!inSandbox).each(invokers)(
  'ptp by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const conf = (changes: object = {}) => ({
      cniVersion: '1.0.0',
      name: 'net',
      type: 'ptp',
      ipam: {
        type: 'host-local',
        dataDir: here.dir,
        ranges: [[{ subnet: '10.95.0.0/24' }], [{ subnet: 'fd95::/64' }]],
        routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }],
      },
      ...changes,
    });
    const { pod, reservations } = here;
    const call = (command: string, id: string, at: Pick<Pod, 'path'>, changes: object = {}) =>
      invoke(env(command, id, at), conf(changes), 'ptp');
    const routesOf = (made: Pod) =>
      ['-4', '-6'].flatMap((family) =>
        made
          .run('ip', family, 'route', 'show')
          .split('\n')
          .map((line) => line.replace(/ (proto|metric|pref) \S+/g, '').trim())
          .filter((line) => line !== '' && !line.startsWith('fe80:')),
      );

    test('ptp ADD routes both families of the pod through the node', () => {
      const made = pod();
      const { json } = ok(call('ADD', 'c1', made));
      const hostName = hostVethName('net', 'c1', 'eth0');
      expect(json.interfaces.map((one: { name: string }) => one.name)).toEqual([hostName, 'eth0']);
      expect(json.ips).toEqual([
        { address: '10.95.0.2/24', gateway: '10.95.0.1', interface: 1 },
        { address: 'fd95::2/64', gateway: 'fd95::1', interface: 1 },
      ]);
      expect(json.routes).toEqual([{ dst: '0.0.0.0/0' }, { dst: '::/0' }]);
      made.run('ping', '-c', '1', '-w', '30', '10.95.0.1');
      made.run('ping', '-6', '-c', '1', '-w', '30', 'fd95::1');
      expect(ipJson('route', 'show', '10.95.0.2')[0]).toMatchObject({ dev: hostName, scope: 'link' });
    });

    test('ptp pods reach each other through the node', () => {
      const [a, b] = [pod(), pod()];
      ok(call('ADD', 'a', a));
      ok(call('ADD', 'b', b));
      a.run('ping', '-c', '1', '-w', '30', '10.95.0.3');
      a.run('ping', '-6', '-c', '1', '-w', '30', 'fd95::3');
    });

    test('ptp ADD sets mtu on both ends', () => {
      const made = pod();
      ok(call('ADD', 'c1', made, { mtu: 1380 }));
      expect(ipJson('link', 'show', hostVethName('net', 'c1', 'eth0'))[0].mtu).toBe(1380);
      expect(JSON.parse(made.run('ip', '-j', 'link', 'show', 'eth0'))[0].mtu).toBe(1380);
    });

    test.each([{}, { dns: { nameservers: [] } }, { dns: { nameservers: ['192.0.2.1'] } }])(
      'ptp ADD prefers dns of the configuration: %j',
      (changes: { dns?: object }) => {
        expect(ok(call('ADD', 'c1', pod(), changes)).json.dns ?? {}).toEqual(
          changes.dns && 'nameservers' in changes.dns && (changes.dns.nameservers as []).length > 0
            ? changes.dns
            : {},
        );
      },
    );

    test('ptp DEL is idempotent and frees everything, with and without the namespace', () => {
      for (const path of [undefined, '', '/run/netns/gone']) {
        const made = pod();
        ok(call('ADD', 'c1', made));
        for (let i = 0; i < 2; i++) {
          ok(call('DEL', 'c1', { path: path ?? made.path }));
        }
        expect(hostVeths()).toEqual([]);
        expect(reservations()).toEqual([]);
      }
    });

    test('ptp ADD undoes its changes when it fails', () => {
      const made = pod();
      made.run('ip', 'link', 'add', 'eth0', 'type', 'bridge');
      fails(call('ADD', 'c1', made), 999, /eth0.*exists/);
      expect(hostVeths()).toEqual([]);
      expect(reservations()).toEqual([]);
    });

    test('ptp ADD fails and leaves nothing when the kernel rejects a route', () => {
      const ipam = { ...conf().ipam, routes: [{ dst: '192.0.2.0/24', gw: '198.51.100.1' }] };
      fails(call('ADD', 'c1', pod(), { ipam }), 999, /192\.0\.2\.0\/24/);
      expect(hostVeths()).toEqual([]);
      expect(reservations()).toEqual([]);
    });

    test('ptp CHECK fails when the MAC address of the host end changed', () => {
      const made = pod();
      const prevResult = ok(call('ADD', 'c1', made)).json;
      const { name } = prevResult.interfaces[0];
      run('ip', 'link', 'set', name, 'address', '02:00:00:00:12:34');
      const expected = `interface ${name} has MAC address 02:00:00:00:12:34`;
      fails(call('CHECK', 'c1', made, { prevResult }), 999, expected);
    });

    test('ptp CHECK passes after ADD and names what is missing', () => {
      const made = pod();
      const prevResult = ok(call('ADD', 'c1', made)).json;
      ok(call('CHECK', 'c1', made, { prevResult }));
      run('ip', 'route', 'del', '10.95.0.2');
      fails(
        call('CHECK', 'c1', made, { prevResult }),
        999,
        /route to 10\.95\.0\.2\/32 .* missing on the node/,
      );
      made.run('ip', 'route', 'del', 'default');
      fails(call('CHECK', 'c1', made, { prevResult }), 999, /route to 0\.0\.0\.0\/0 via 10\.95\.0\.1/);
    });

    test('ptp GC frees attachments that are not listed', () => {
      ok(call('ADD', 'keep', pod()));
      ok(call('ADD', 'lost', pod()));
      const valid = { 'cni.dev/valid-attachments': [{ containerID: 'keep', ifname: 'eth0' }] };
      ok(call('GC', '', { path: '' }, { cniVersion: '1.1.0', ...valid }));
      expect(hostVeths()).toEqual([hostVethName('net', 'keep', 'eth0')]);
      expect(reservations().sort()).toEqual(['10.95.0.2', 'fd95::2']);
    });

    test.each([
      [{ ipMasq: 'yes' }, 7, /ptp configuration/],
      [{ ipam: {} }, 7, /ipam/],
      [{ mtu: 'big' }, 7, /ptp configuration/],
    ])('ptp ADD rejects %j', (changes, code, msg) => {
      fails(call('ADD', 'c1', pod(), changes), code, msg);
      expect(hostVeths()).toEqual([]);
    });

    test.skipIf(!existsSync(`${UPSTREAM_DIR}/ptp`)).each(['0.2.0', '0.4.0', '1.0.0'])(
      'ptp ADD returns the same result and routes as upstream in version %s',
      (cniVersion) => {
        const [ours, theirs] = [pod(), pod()];
        const of = (name: string) => conf({ cniVersion, name });
        const a = ok(invoke(env('ADD', 'c1', ours), of('ours'), 'ptp')).json;
        const b = ok(runUpstream(env('ADD', 'c1', theirs), of('theirs'), 'ptp')).json;
        const same = (one: object, made: Pod) =>
          JSON.parse(JSON.stringify(comparable(one)).replaceAll(made.path, 'POD'));
        expect(same(a, ours)).toEqual(same(b, theirs));
        expect(routesOf(ours)).toEqual(routesOf(theirs));
      },
    );
  },
);
