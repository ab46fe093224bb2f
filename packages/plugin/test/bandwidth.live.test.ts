/** Rate limits of a pod: against the kernel, and compared with upstream. */

import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { ifbName } from '../src/links/ifb-name.ts';
import { hostVethName } from '../src/links/names.ts';
import { ifbMac } from '../src/plugins/bandwidth/ifb.ts';
import { env, fails, inSandbox, ok } from './harness.ts';
import { type Answer, invokers, runUpstream, UPSTREAM_DIR } from './invoke.ts';
import { hostVeths, ipJson, type Pod, run } from './namespaces.ts';
import { scratch } from './scratch.ts';

const LIMITS = {
  ingressRate: 1_000_000,
  ingressBurst: 800_000,
  egressRate: 3_333_333,
  egressBurst: 1_234_567,
};
const hasUpstream = existsSync(`${UPSTREAM_DIR}/bandwidth`);

describe.skipIf(!inSandbox).each(invokers)(
  'bandwidth by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const conf = (type: string, changes: object = {}) => ({
      cniVersion: '1.0.0',
      name: 'net',
      type,
      ...(type === 'bridge'
        ? { bridge: 'bw0', ipam: { type: 'host-local', dataDir: here.dir, subnet: '10.99.0.0/24' } }
        : {}),
      ...changes,
    });
    /** A pod on a bridge, with the bridge's result. */
    const attached = (id = 'c1', by = invoke) => {
      const pod = here.pod();
      const prevResult = ok(by(env('ADD', id, pod), conf('bridge'), 'bridge')).json;
      return { pod, prevResult, host: prevResult.interfaces[1].name as string };
    };
    const call = (command: string, pod: Pick<Pod, 'path'>, changes: object, id = 'c1') =>
      invoke(env(command, id, pod), conf('bandwidth', changes), 'bandwidth');
    const upstream = (command: string, pod: Pick<Pod, 'path'>, changes: object): Answer =>
      runUpstream(env(command, 'c1', pod), conf('bandwidth', changes), 'bandwidth');
    const ifb = ifbName({ network: 'net', containerID: 'c1' });
    /** Output of tc for a link. */
    const qdiscs = (dev: string) => JSON.parse(run('tc', '-j', '-s', 'qdisc', 'show', 'dev', dev));
    const shown = (dev: string) =>
      qdiscs(dev).map(({ kind, handle, parent, options }: Record<string, unknown>) => ({
        kind,
        handle,
        parent,
        options,
      }));
    const ifbs = () => ipJson('link', 'show', 'type', 'ifb').map(({ ifname }) => ifname);

    /** Removes the qdiscs of the host end: DEL of bandwidth keeps them, as upstream does, for they go with the link. */
    const unshape = (host: string) => {
      for (const { kind } of shown(host)) {
        if (kind !== 'noqueue') {
          run('tc', 'qdisc', 'del', 'dev', host, kind === 'tbf' ? 'root' : 'ingress');
        }
      }
    };

    test('bandwidth ADD shapes both directions and redirects egress through the ifb device', () => {
      const { pod, prevResult, host } = attached();
      const { json } = ok(call('ADD', pod, { ...LIMITS, prevResult }));
      const [device] = ipJson('link', 'show', ifb);
      expect(json).toEqual({
        ...prevResult,
        interfaces: [...prevResult.interfaces, { name: ifb, mac: device.address }],
      });
      expect(device).toMatchObject({ mtu: 1500, txqlen: 1000, group: 'default' });
      expect(shown(host)).toMatchObject([
        { kind: 'tbf', handle: '1:', options: { rate: 125_000, burst: 100_000 } },
        { kind: 'ingress', handle: 'ffff:' },
      ]);
      expect(shown(ifb)).toMatchObject([{ kind: 'tbf', handle: '1:', options: { rate: 416_666 } }]);
      run('ip', 'address', 'add', '10.99.0.1/24', 'dev', 'bw0');
      pod.run('ping', '-c', '1', '-w', '30', '10.99.0.1');
      expect(qdiscs(ifb)[0].packets).toBeGreaterThan(0);
      expect(qdiscs(host)[0].packets).toBeGreaterThan(0);
      ok(call('CHECK', pod, { ...LIMITS, prevResult: json }));
    });

    test.each([
      [{ ingressRate: 8000, ingressBurst: 8000 }, ['tbf'], []],
      [{ egressRate: 8000, egressBurst: 8000 }, ['ingress'], [ifb]],
      [{ ingressRate: 0, egressBurst: 0 }, [], []],
      [{}, [], []],
      [{ runtimeConfig: { bandwidth: null } }, [], []],
      [{ runtimeConfig: { bandwidth: { ingressRate: 8000, ingressBurst: 8000 } } }, ['tbf'], []],
      [{ RuntimeConfig: { bandWidth: { EgressRate: 8000, EgressBurst: 8000 } } }, ['ingress'], [ifb]],
      // The configuration takes precedence over the runtime.
      [{ IngressRate: 0, runtimeConfig: { bandwidth: { ingressRate: 8000, ingressBurst: 8000 } } }, [], []],
      [{ ingressRate: 8000, ingressBurst: 8000, runtimeConfig: { bandwidth: LIMITS } }, ['tbf'], []],
      [
        { ingressRate: 8000, ingressBurst: 8000, runtimeConfig: { bandwidth: { egressRate: 'zz' } } },
        ['tbf'],
        [],
      ],
    ])('bandwidth ADD, CHECK and DEL handle %j', (changes, kinds, devices) => {
      const { pod, prevResult, host } = attached();
      const { json } = ok(call('ADD', pod, { ...changes, prevResult }));
      expect(shown(host).map(({ kind }: { kind: string }) => kind)).toEqual(
        kinds.length > 0 ? (expect.arrayContaining(kinds) as string[]) : ['noqueue'],
      );
      expect(json.interfaces.slice(3).map(({ name }: { name: string }) => name)).toEqual(devices);
      expect(ifbs()).toEqual(devices);
      ok(call('CHECK', pod, { ...changes, prevResult: json }));
      for (let i = 0; i < 2; i++) {
        ok(call('DEL', { path: '' }, changes));
      }
      expect(ifbs()).toEqual([]);
    });

    test.each([
      [{ ingressRate: 1000 }, 7, /if rate is set, burst must also be set/],
      [{ egressBurst: 1000 }, 7, /if burst is set, rate must also be set/],
      [{ egressRate: 1000, egressBurst: 8 * 0xffffffff }, 7, /burst cannot be more than 4GB/],
      [{ ingressRate: -1, ingressBurst: 8 }, 7, /bandwidth configuration/],
      [{ ingressRate: 1.5, ingressBurst: 8 }, 7, /bandwidth configuration/],
      [{ ingressRate: '1', ingressBurst: 8 }, 7, /bandwidth configuration/],
      [{ runtimeConfig: { bandwidth: { ingressRate: 1000 } } }, 7, /if rate is set, burst must also be set/],
      [{ runtimeConfig: { bandwidth: 'zz' } }, 7, /runtimeConfig.bandwidth/],
      [{ ...LIMITS, prevResult: undefined }, 7, /prevResult missing/],
      [{ ...LIMITS, prevResult: {} }, 7, /no interfaces provided/],
      [
        { ...LIMITS, prevResult: { interfaces: [{ name: 'bw0' }] } },
        999,
        /no veth peer of container interface found/,
      ],
    ])('bandwidth ADD rejects %j and shapes nothing', (changes, code, msg) => {
      const { pod, prevResult, host } = attached();
      fails(call('ADD', pod, { prevResult, ...changes }), code, msg);
      expect(shown(host)).toMatchObject([{ kind: 'noqueue' }]);
      expect(ifbs()).toEqual([]);
      // DEL succeeds even with an invalid configuration.
      ok(call('DEL', pod, changes));
    });

    test('bandwidth ADD names an interface that is not a veth', () => {
      const pod = here.pod();
      pod.run('ip', 'link', 'add', 'eth0', 'type', 'bridge');
      const prevResult = { interfaces: [{ name: 'eth0', sandbox: pod.path }] };
      fails(call('ADD', pod, { ...LIMITS, prevResult }), 999, /eth0 has no veth peer/);
    });

    test('bandwidth ADD rejects a second ADD and keeps the limits of the first', () => {
      const { pod, prevResult, host } = attached();
      const { json } = ok(call('ADD', pod, { ...LIMITS, prevResult }));
      fails(call('ADD', pod, { ...LIMITS, prevResult }), 999, /EEXIST/);
      ok(call('CHECK', pod, { ...LIMITS, prevResult: json }));
      ok(call('DEL', pod, LIMITS));
      // One remaining qdisc conflicts: ADD fails and undoes the other.
      fails(call('ADD', pod, { ...LIMITS, prevResult }), 999, /EEXIST/);
      expect(ifbs()).toEqual([]);
      run('tc', 'qdisc', 'del', 'dev', host, 'ingress');
      fails(call('ADD', pod, { ...LIMITS, prevResult }), 999, /EEXIST/);
      expect(shown(host)).toMatchObject([{ kind: 'tbf' }]);
    });

    test('bandwidth CHECK names the differences', () => {
      const { pod, prevResult, host } = attached();
      const { json } = ok(call('ADD', pod, { ...LIMITS, prevResult }));
      const check = (changes: object = {}) => call('CHECK', pod, { ...LIMITS, prevResult: json, ...changes });
      fails(
        check({ ingressRate: 8000 }),
        999,
        new RegExp(`rate of the token bucket filter of ${host} is 125000, not 1000`),
      );
      run('tc', 'qdisc', 'del', 'dev', host, 'root');
      fails(check(), 999, new RegExp(`${host} has no token bucket filter but noqueue`));
      run('tc', 'qdisc', 'del', 'dev', host, 'ingress');
      fails(
        check(),
        999,
        new RegExp(`no token bucket.*packets that ${host} receives are not redirected to ${ifb}`),
      );
      run('ip', 'link', 'del', ifb);
      fails(check(), 999, new RegExp(`device ${ifb} is missing`));
      fails(check({ prevResult: undefined }), 7, /prevResult missing/);
    });

    test('bandwidth GC removes devices of unlisted attachments of its own network only', () => {
      for (const id of ['c1', 'c2', 'c3']) {
        const { pod, prevResult } = attached(id);
        ok(call('ADD', pod, { ...LIMITS, prevResult }, id));
      }
      const name = (containerID: string) => ifbName({ network: 'net', containerID });
      run('ip', 'link', 'add', 'ifb7', 'type', 'ifb');
      run('ip', 'link', 'add', 'ifb8', 'address', ifbMac('other', 'eth0'), 'type', 'ifb');
      const gc = (changes: object) => ok(call('GC', { path: '' }, { cniVersion: '1.1.0', ...changes }));
      gc({});
      expect(ifbs()).toHaveLength(5);
      gc({ 'cni.dev/valid-attachments': [{ containerID: 'c2', ifname: 'eth0' }] });
      expect(ifbs().sort()).toEqual([name('c2'), 'ifb7', 'ifb8'].sort());
      gc({ 'cni.dev/valid-attachments': null });
      expect(ifbs().sort()).toEqual(['ifb7', 'ifb8']);
      for (const left of ifbs()) {
        run('ip', 'link', 'del', left);
      }
      for (const host of hostVeths()) {
        expect(host).toMatch(/^veth/);
      }
    });

    test.each([
      ['cnikit', 'cnikit'],
      ['bridge', 'bandwidth'],
    ])('%s and %s shape two interfaces of a container in one network', (attach, type) => {
      const pod = here.pod();
      const all = ['eth0', 'eth1', 'eth2'];
      const run1 = (name: string, command: string, ifName: string, more: object) =>
        invoke(
          { ...env(command, 'c1', pod), CNI_IFNAME: ifName },
          { ...conf('bridge'), ...LIMITS, ...more },
          name,
        );
      const results = new Map(
        all.map((ifName) => {
          const made = ok(run1(attach, 'ADD', ifName, {})).json;
          const json = attach === type ? made : ok(run1(type, 'ADD', ifName, { prevResult: made })).json;
          return [ifName, json];
        }),
      );
      expect(ifbs()).toHaveLength(3);
      const check = (ifName: string) => run1(type, 'CHECK', ifName, { prevResult: results.get(ifName) });
      for (const ifName of all) {
        ok(check(ifName));
      }
      for (let i = 0; i < 2; i++) {
        ok(run1(type, 'DEL', 'eth1', {}));
      }
      ok(check('eth0'));
      ok(check('eth2'));
      const valid = { 'cni.dev/valid-attachments': [{ containerID: 'c1', ifname: 'eth2' }] };
      ok(run1(type, 'GC', '', { cniVersion: '1.1.0', ...valid }));
      ok(check('eth2'));
      expect(ifbs()).toHaveLength(1);
      ok(run1(type, 'DEL', 'eth2', {}));
      expect(ifbs()).toEqual([]);
    });

    describe('inside cnikit', () => {
      const cnikit = (command: string, pod: Pick<Pod, 'path'>, changes: object, id = 'c1') =>
        invoke(env(command, id, pod), { ...conf('bridge'), type: 'cnikit', ...changes });

      test.each([
        [LIMITS, LIMITS],
        [
          { IngressRate: 8000, IngressBurst: 8000, EgressRate: 8000, EgressBurst: 8000 },
          { EgressRate: 8000 },
        ],
        [{ runtimeConfig: { bandwidth: LIMITS } }, { capabilities: { bandwidth: true } }],
      ])('cnikit ADD with %j is undone by DEL with %j, without namespace and result', (changes, later) => {
        const pod = here.pod();
        const { json } = ok(cnikit('ADD', pod, changes));
        expect(json.interfaces.map(({ name }: { name: string }) => name)).toEqual([
          'bw0',
          hostVethName('net', 'c1', 'eth0'),
          'eth0',
          ifb,
        ]);
        expect(shown(json.interfaces[1].name)).toMatchObject([{ kind: 'tbf' }, { kind: 'ingress' }]);
        // DEL deletes both at once by this group.
        const group = (name: string) => ipJson('link', 'show', name)[0].group;
        expect(group(ifb)).toMatch(/^166\d{7}$/);
        expect(group(json.interfaces[1].name)).toBe(group(ifb));
        ok(cnikit('CHECK', pod, { ...changes, prevResult: json }));
        const other = here.pod();
        ok(cnikit('ADD', other, changes, 'c2'));
        for (let i = 0; i < 2; i++) {
          ok(cnikit('DEL', { path: '' }, later));
        }
        expect([ifbs().length, hostVeths()]).toEqual([1, [hostVethName('net', 'c2', 'eth0')]]);
        ok(cnikit('DEL', other, later, 'c2'));
        expect([...ifbs(), ...hostVeths(), ...here.reservations()]).toEqual([]);
      });

      test('cnikit ADD fails and leaves nothing with invalid limits', () => {
        fails(cnikit('ADD', here.pod(), { ingressRate: 1000 }), 7, /burst must also be set/);
        expect([...ifbs(), ...hostVeths(), ...here.reservations()]).toEqual([]);
      });

      test('cnikit GC removes devices when the configuration no longer has limits', () => {
        for (const id of ['c1', 'c2']) {
          ok(cnikit('ADD', here.pod(), LIMITS, id));
        }
        ok(
          cnikit(
            'GC',
            { path: '' },
            { cniVersion: '1.1.0', 'cni.dev/valid-attachments': [{ containerID: 'c2', ifname: 'eth0' }] },
          ),
        );
        expect(ifbs()).toEqual([ifbName({ network: 'net', containerID: 'c2' })]);
      });
    });

    describe.skipIf(!hasUpstream)('compared with upstream', () => {
      test.each([
        LIMITS,
        { ingressRate: 8, ingressBurst: 80_000 },
        { ingressRate: 123_456_789, ingressBurst: 2_147_483_647 },
        { egressRate: 40_000_000_000, egressBurst: 1_000_000_000 },
        { egressRate: 10_000_001, egressBurst: 4_294_967_295, ingressRate: 999, ingressBurst: 9999 },
      ])('bandwidth ADD creates the same qdiscs and devices as upstream with %j', (limits) => {
        const { pod, prevResult, host } = attached();
        const ours = ok(call('ADD', pod, { ...limits, prevResult })).json;
        const both = () => [shown(host), ifbs().map(shown)];
        const made = both();
        ok(call('DEL', pod, limits));
        unshape(host);
        const theirs = ok(upstream('ADD', pod, { ...limits, prevResult })).json;
        expect(both()).toEqual(made);
        const names = ({ interfaces }: { interfaces: { name: string }[] }) =>
          interfaces.map(({ name }) => name);
        expect(names(ours)).toEqual(names(theirs));
      });

      test('bandwidth and upstream check and delete each other’s attachments', () => {
        const { pod, prevResult, host } = attached();
        const ours = ok(call('ADD', pod, { ...LIMITS, prevResult })).json;
        ok(upstream('CHECK', pod, { ...LIMITS, prevResult: ours }));
        ok(upstream('DEL', pod, LIMITS));
        expect(ifbs()).toEqual([]);
        unshape(host);
        const theirs = ok(upstream('ADD', pod, { ...LIMITS, prevResult })).json;
        ok(call('CHECK', pod, { ...LIMITS, prevResult: theirs }));
        ok(call('DEL', pod, LIMITS));
        expect(ifbs()).toEqual([]);
      });
    });
  },
);
