/** Further fields of the bridge: MAC addresses, macspoofchk, other IPAM plugins, chains; compared with upstream. */
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { comparable, env, fails, inSandbox, ok } from './harness.ts';
import { invokers, runUpstream, UPSTREAM_DIR } from './invoke.ts';
import { hostVeths, ipJson, type Pod, run } from './namespaces.ts';
import { recordingIpam } from './recording-ipam.ts';
import { scratch } from './scratch.ts';

describe.skipIf(!inSandbox).each(invokers)(
  'bridge by %s, further fields (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const conf = (changes: object = {}) => ({
      cniVersion: '1.0.0',
      name: 'net',
      type: 'bridge',
      bridge: 'more0',
      isDefaultGateway: true,
      ipam: {
        type: 'host-local',
        dataDir: here.dir,
        ranges: [[{ subnet: '10.97.0.0/24' }], [{ subnet: 'fd97::/64' }]],
      },
      ...changes,
    });
    const { pod } = here;
    const call = (command: string, id: string, at: Pick<Pod, 'path'>, changes: object = {}, more = {}) =>
      invoke(env(command, id, at, more), conf(changes), 'bridge');
    const eth0 = (made: Pod) => JSON.parse(made.run('ip', '-j', 'address', 'show', 'eth0'))[0];

    test('bridge ADD takes the MAC address from the runtime, then args.cni, then CNI_ARGS', () => {
      const mac = (n: number) => `02:00:00:00:01:0${n}`;
      const given = (changes: object) => {
        const made = pod();
        const id = `c${here.pods.length}`;
        const { json } = ok(call('ADD', id, made, changes, { CNI_ARGS: `MAC=${mac(1)}` }));
        expect(eth0(made).address).toBe(json.interfaces[2].mac);
        made.run('ping', '-6', '-c', '1', '-w', '30', 'fd97::1');
        return json.interfaces[2].mac;
      };
      expect(given({})).toBe(mac(1));
      expect(given({ args: { cni: { mac: mac(2) } } })).toBe(mac(2));
      expect(given({ args: { cni: { mac: mac(2) } }, RuntimeConfig: { MAC: mac(3) } })).toBe(mac(3));
    });

    test('bridge ADD and DEL keep the MAC address of a bridge made by another program', () => {
      run('ip', 'link', 'add', 'more0', 'type', 'bridge');
      const mac = () => ipJson('link', 'show', 'more0')[0].address;
      const before = mac();
      const low = (n: number) => ({ runtimeConfig: { mac: `02:00:00:00:00:0${n}` } });
      expect(ok(call('ADD', 'a', pod(), low(1))).json.interfaces[0].mac).toBe(before);
      expect(ok(call('ADD', 'b', pod(), low(2))).json.interfaces[0].mac).toBe(before);
      for (const id of ['a', 'b']) {
        ok(call('DEL', id, { path: '' }));
      }
      expect(mac()).toBe(before);
    });

    test('bridge ADD sets a MAC address on a bridge that lost it with its last port', () => {
      run('ip', 'link', 'add', 'more0', 'type', 'bridge');
      run('ip', 'link', 'add', 'port', 'type', 'veth', 'peer', 'name', 'other');
      run('ip', 'link', 'set', 'port', 'master', 'more0');
      run('ip', 'link', 'del', 'port');
      const { json } = ok(call('ADD', 'a', pod()));
      expect(ipJson('link', 'show', 'more0')[0].address).toBe(json.interfaces[0].mac);
      expect(json.interfaces[0].mac).not.toBe('00:00:00:00:00:00');
    });

    test.each([{ forceAddress: true }, {}])(
      'bridge ADD keeps the gateways of two ranges of one family: %j',
      (changes) => {
        const ranges = [[{ subnet: '10.97.0.0/24' }], [{ subnet: '10.97.1.0/24' }]];
        const both = { ...changes, ipam: { type: 'host-local', dataDir: here.dir, ranges } };
        const addresses = () =>
          ipJson('-4', 'address', 'show', 'more0')[0].addr_info.map(
            (one: { local: string; broadcast: string }) => [one.local, one.broadcast],
          );
        for (const id of ['a', 'b', 'c']) {
          ok(call('ADD', id, pod(), both));
          expect(addresses()).toEqual([
            ['10.97.0.1', '10.97.0.255'],
            ['10.97.1.1', '10.97.1.255'],
          ]);
        }
      },
    );

    test('bridge ADD sets the broadcast address of IPv4 addresses, as upstream does', () => {
      const made = pod();
      ok(call('ADD', 'a', made));
      const [ipv4] = eth0(made).addr_info;
      expect(ipv4).toMatchObject({ local: '10.97.0.2', broadcast: '10.97.0.255' });
    });

    test.each([
      [{ runtimeConfig: { mac: 'zz' } }, {}, 7, /mac/i],
      [{}, { CNI_ARGS: 'X=1' }, 4, /CNI_ARGS/],
      [{ vlan: 4095 }, {}, 7, /bridge configuration/],
      [{ vlanTrunk: [{ minID: 6 }] }, {}, 7, /maxID is missing/],
      [{ disableContainerInterface: true }, {}, 7, /IPAM/],
      [{ macspoofchk: 'on' }, {}, 7, /bridge configuration/],
    ])('bridge ADD rejects %j with %j', (changes, more, code, msg) => {
      fails(call('ADD', 'c1', pod(), changes, more), code, msg);
      expect(hostVeths()).toEqual([]);
    });

    const spoofing = () => run('nft', '-s', 'list', 'ruleset').replaceAll(/\s+/g, ' ').trim();
    const EMPTY = /^table bridge nat \{ chain PREROUTING \{ type [^}]* \} \}$/;

    test('macspoofchk drops packets from other MAC addresses until the pod is deleted', () => {
      const made = pod();
      const on = { macspoofchk: true };
      const { json } = ok(call('ADD', 'a', made, on));
      made.run('ping', '-c', '1', '-w', '30', '10.97.0.1');
      ok(call('CHECK', 'a', made, { ...on, prevResult: json }));
      made.run('ip', 'link', 'set', 'eth0', 'address', '02:00:00:00:66:66');
      expect(() => made.run('ping', '-c', '1', '-W', '1', '10.97.0.1')).toThrow();
      made.run('ip', 'link', 'set', 'eth0', 'address', json.interfaces[2].mac);
      run('nft', 'flush', 'chain', 'bridge', 'nat', 'cni-br-iface-a-eth0-mac');
      fails(
        call('CHECK', 'a', made, { ...on, prevResult: json }),
        999,
        /made: rules of macspoofchk .*cni-br-iface-a-eth0$/,
      );
      for (let i = 0; i < 2; i++) {
        ok(call('DEL', 'a', { path: '' }, on));
      }
      expect(spoofing()).toBe('');
    });

    test('bridge DEL keeps the macspoofchk table while it has other contents or another owner', () => {
      const on = { macspoofchk: true };
      const attach = (id: string) => ok(call('ADD', id, pod(), on));
      const detach = (id: string) => ok(call('DEL', id, { path: '' }, on));
      for (const id of ['a', 'b']) {
        attach(id);
      }
      detach('a');
      expect(spoofing()).toContain('cni-br-iface-b-eth0-mac');
      run('nft', 'add rule bridge nat PREROUTING counter');
      detach('b');
      expect(spoofing()).toMatch(
        /^table bridge nat \{ comment "cnikit" chain PREROUTING \{ [^}]* counter \} \}$/,
      );
      run('nft', 'flush chain bridge nat PREROUTING; add chain bridge nat theirs');
      attach('a');
      detach('a');
      expect(spoofing()).toContain('chain theirs');
      run('nft', 'delete chain bridge nat theirs');
      detach('a');
      expect(spoofing()).toBe('');
      run('nft', 'add table bridge nat');
      attach('a');
      detach('a');
      expect(spoofing()).toMatch(EMPTY);
    });

    test('bridge GC removes macspoofchk rules of unlisted attachments of its own network only', () => {
      const on = { macspoofchk: true };
      for (const id of ['keep', 'stale']) {
        ok(call('ADD', id, pod(), on));
      }
      ok(call('ADD', 'foreign', pod(), { ...on, name: 'other', ipam: {}, isDefaultGateway: false }));
      const valid = { 'cni.dev/valid-attachments': [{ containerID: 'keep', ifname: 'eth0' }] };
      ok(call('GC', '', { path: '' }, { cniVersion: '1.1.0', ...valid }));
      for (const id of ['keep', 'foreign']) {
        expect(spoofing()).toContain(`cni-br-iface-${id}-eth0-mac`);
      }
      expect(spoofing()).not.toContain('stale');
      ok(call('DEL', 'keep', { path: '' }, on));
      ok(call('DEL', 'foreign', { path: '' }, { ...on, name: 'other', ipam: {} }));
      expect(spoofing()).toBe('');
    });

    test.skipIf(!existsSync(`${UPSTREAM_DIR}/bridge`))(
      'bridge ADD creates the same macspoofchk rules as upstream',
      () => {
        const changes = { macspoofchk: true, ipam: {}, isDefaultGateway: false };
        const rules = (result: { interfaces: { name: string; mac: string }[] }) =>
          spoofing()
            .replace(' comment "cnikit"', '')
            .replaceAll(result.interfaces[1]?.name as string, 'HOST')
            .replaceAll(result.interfaces[2]?.mac as string, 'MAC');
        const ours = rules(ok(call('ADD', 'a', pod(), changes)).json);
        ok(call('DEL', 'a', { path: '' }, changes));
        const made = pod();
        const theirs = ok(
          runUpstream(env('ADD', 'a', made, { PATH: process.env.PATH ?? '' }), conf(changes), 'bridge'),
        );
        expect(ours).toBe(rules(theirs.json));
        ok(call('DEL', 'a', made, changes));
        expect(spoofing()).toMatch(EMPTY);
      },
    );

    test('portIsolation blocks traffic between pods but not to the gateway', () => {
      const [a, b, open] = [pod(), pod(), pod()];
      for (const [id, made] of [
        ['a', a],
        ['b', b],
      ] as const) {
        ok(call('ADD', id, made, { portIsolation: true }));
      }
      ok(call('ADD', 'open', open));
      a.run('ping', '-c', '1', '-w', '30', '10.97.0.1');
      a.run('ping', '-c', '1', '-w', '30', '10.97.0.4');
      expect(() => a.run('ping', '-c', '1', '-W', '1', '10.97.0.3')).toThrow();
      b.run('ping', '-c', '1', '-w', '30', '10.97.0.1');
    });

    test('bridge ADD without IPAM brings the interface up without addresses', () => {
      const made = pod();
      const { json } = ok(call('ADD', 'c1', made, { ipam: {}, isDefaultGateway: false }));
      expect(json.ips ?? []).toEqual([]);
      expect(eth0(made).operstate).toBe('UP');
      ok(call('CHECK', 'c1', made, { ipam: {}, isDefaultGateway: false, prevResult: json }));
      ok(call('DEL', 'c1', made, { ipam: {} }));
    });

    test('bridge ADD with disableContainerInterface leaves the interface down', () => {
      const made = pod();
      const changes = { ipam: {}, isDefaultGateway: false, disableContainerInterface: true };
      const { json } = ok(call('ADD', 'c1', made, changes));
      expect(eth0(made)).toMatchObject({ operstate: 'DOWN', addr_info: [] });
      ok(call('CHECK', 'c1', made, { ...changes, prevResult: json }));
    });

    test('bridge ADD with enabledad waits for duplicate address detection', () => {
      const made = pod();
      ok(call('ADD', 'c1', made, { enabledad: true }));
      const ipv6 = eth0(made).addr_info.filter((one: { family: string }) => one.family === 'inet6');
      expect(ipv6).toHaveLength(2);
      for (const one of ipv6) {
        expect(one).not.toHaveProperty('tentative');
      }
    });

    test('bridge ADD announces a reused address, so that it works immediately', () => {
      const [first, neighbour] = [pod(), pod()];
      const ips = (n: number) => ({ runtimeConfig: { ips: [`10.97.0.${n}`, `fd97::${n}`] } });
      const reaches = (from: (...argv: [string, ...string[]]) => string) => {
        for (const address of ['10.97.0.60', 'fd97::60']) {
          // Until the first answer. Without an announcement the old MAC address is used for 15 s or more.
          from('ping', '-c', '1', '-w', '5', address);
        }
      };
      ok(call('ADD', 'n', neighbour, ips(50)));
      ok(call('ADD', 'a', first, ips(60)));
      for (const from of [neighbour.run, run]) {
        reaches(from);
      }
      ok(call('DEL', 'a', first));
      ok(call('ADD', 'b', pod(), ips(60)));
      for (const from of [neighbour.run, run]) {
        reaches(from);
      }
    });

    const recorder = (result: object, failing = '') => {
      const { path, log, stdin } = recordingIpam(here.dir, result, failing);
      const call = (command: string, id: string, at: Pick<Pod, 'path'>, changes: object = {}) =>
        invoke(
          { ...env(command, id, at, { CNI_PATH: path }), PATH: process.env.PATH ?? '' },
          conf({ ipam: { type: 'recorder', mine: 1 }, ...changes }),
          'bridge',
        );
      return { call, log, stdin };
    };

    test('the bridge runs another IPAM plugin for every verb', () => {
      const { call, log, stdin } = recorder({
        cniVersion: '1.0.0',
        ips: [{ address: '10.97.1.5/24' }],
        routes: [{ dst: '192.0.2.0/24' }],
        dns: { nameservers: ['192.0.2.53'] },
      });
      const made = pod();
      const { json } = ok(call('ADD', 'c1', made));
      expect(json).toMatchObject({
        ips: [{ address: '10.97.1.5/24', gateway: '10.97.1.1', interface: 2 }],
        routes: [{ dst: '192.0.2.0/24' }, { dst: '0.0.0.0/0', gw: '10.97.1.1' }],
        dns: { nameservers: ['192.0.2.53'] },
      });
      expect(stdin('ADD')).toMatchObject({ ipam: { mine: 1 } });
      made.run('ping', '-c', '1', '-w', '30', '10.97.1.1');
      ok(call('CHECK', 'c1', made, { prevResult: json }));
      ok(call('DEL', 'c1', made));
      const newer = { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] };
      ok(call('STATUS', '', { path: '' }, newer));
      ok(call('GC', '', { path: '' }, newer));
      expect(log()).toEqual(['ADD c1', 'CHECK c1', 'DEL c1', 'STATUS', 'GC']);
    });

    test('bridge ADD returns the error of another IPAM plugin and leaves nothing', () => {
      const { call, log } = recorder({}, 'ADD');
      fails(call('ADD', 'c1', pod()), 11, /come back/);
      expect(hostVeths()).toEqual([]);
      expect(log()).toEqual(['ADD c1', 'DEL c1']);
    });

    test('bridge ADD fails when the IPAM plugin returns no addresses', () => {
      fails(recorder({}).call('ADD', 'c1', pod()), 999, /missing IP config/);
      expect(hostVeths()).toEqual([]);
    });

    test('bridge ADD appends to prevResult in a chain and adjusts interface indexes', () => {
      const made = pod();
      const prevResult = {
        cniVersion: '1.0.0',
        interfaces: [{ name: 'tap0', sandbox: made.path }],
        ips: [{ address: '192.0.2.7/24', interface: 0 }],
        routes: [{ dst: '198.51.100.0/24' }],
      };
      const { json } = ok(call('ADD', 'c1', made, { prevResult }));
      expect(json.interfaces).toHaveLength(4);
      expect(json.ips).toEqual([
        { address: '192.0.2.7/24', interface: 0 },
        { address: '10.97.0.2/24', gateway: '10.97.0.1', interface: 3 },
        { address: 'fd97::2/64', gateway: 'fd97::1', interface: 3 },
      ]);
      expect(json.routes[0]).toEqual({ dst: '198.51.100.0/24' });
    });

    test.skipIf(!existsSync(`${UPSTREAM_DIR}/bridge`)).each([
      ['0.2.0', {}],
      ['0.4.0', { dns: { nameservers: ['192.0.2.1'] } }],
      ['1.0.0', { hairpinMode: true, mtu: 1400 }],
      ['1.0.0', { isDefaultGateway: false, isGateway: true }],
      ['1.0.0', { isDefaultGateway: false, ipam: {} }],
    ])('bridge ADD returns the same result and routes as upstream: version %s, %j', (cniVersion, changes) => {
      const [ours, theirs] = [pod(), pod()];
      const of = (name: string) => conf({ cniVersion, name, ...changes });
      const a = ok(invoke(env('ADD', 'c1', ours), of('ours'), 'bridge')).json;
      run('ip', 'link', 'del', 'more0');
      const b = ok(runUpstream(env('ADD', 'c1', theirs), of('theirs'), 'bridge')).json;
      const same = (one: object, made: Pod) =>
        JSON.parse(JSON.stringify(comparable(one)).replaceAll(made.path, 'POD'));
      expect(same(a, ours)).toEqual(same(b, theirs));
      // The protocol of routes may differ from upstream's.
      expect(ours.run('ip', 'route').replaceAll(' proto static', '')).toBe(theirs.run('ip', 'route'));
    });
  },
);
