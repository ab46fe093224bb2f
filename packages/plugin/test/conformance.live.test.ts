/**
 * Requirements of the CNI specification and of runtimes that `cnikit-cni conformance` does not cover, because they need
 * a configuration of cnikit or inspect the node afterwards. By the executable and under Node, with both layouts.
 */
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { env, fails, inSandbox, ok } from './harness.ts';
import { type Answer, invokers } from './invoke.ts';
import { hostVeths, ipJson, type Pod } from './namespaces.ts';
import { differences, nodeStateIn } from './node-state.ts';
import { recordingIpam } from './recording-ipam.ts';
import { scratch } from './scratch.ts';

const VERSIONS = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'];
const NOBODY = { path: '' };
const LISTED = 'cni.dev/valid-attachments';

const LAYOUTS = ['bridge', 'routed'] as const;
const cases = invokers.flatMap(([name, invoke]) => LAYOUTS.map((layout) => ({ name, invoke, layout })));

describe.skipIf(!inSandbox).each(cases)(
  'conformance of cnikit by $name with layout $layout (needs the sandbox: run npm test at the root)',
  ({ invoke, layout }) => {
    const here = scratch();
    const call = (
      command: string,
      pod: Pick<Pod, 'path'>,
      changes: object = {},
      more: Record<string, string> = {},
    ): Answer =>
      invoke(env(command, pod === NOBODY ? '' : 'c1', pod, more), {
        cniVersion: '1.1.0',
        name: 'net',
        type: 'cnikit',
        layout,
        bridge: 'conf0',
        ipam: { type: 'host-local', dataDir: here.dir, subnet: '10.91.0.0/24' },
        ...changes,
      });
    const expectNothingLeft = () => expect([...hostVeths(), ...here.reservations()]).toEqual([]);

    test('ENV-12: cnikit ignores unknown environment variables', () => {
      const pod = here.pod();
      const more = { TRACEPARENT: '00-x', CNI_NETNS_OVERRIDE: 'x', CNI_UNKNOWN: '1', LANG: 'C' };
      const { json } = ok(call('ADD', pod, {}, more));
      expect(json.ips).toMatchObject([{ address: '10.91.0.2/24' }]);
      ok(call('DEL', pod, {}, more));
    });

    test.each(VERSIONS)(
      'ADD-2: cnikit ADD returns a result of version %s when asked for it',
      (cniVersion) => {
        const { json } = ok(call('ADD', here.pod(), { cniVersion }));
        expect(json.cniVersion).toBe(cniVersion);
      },
    );

    test('CHECK-4, CHECK-5: cnikit CHECK passes after ADD and after changes of later plugins', () => {
      const pod = here.pod();
      const { json: prevResult } = ok(call('ADD', pod));
      for (let i = 0; i < 20; i++) {
        ok(call('CHECK', pod, { prevResult }));
      }
      pod.run('ip', 'link', 'set', 'eth0', 'address', '02:00:00:00:00:99');
      pod.run('ip', 'route', 'add', '192.0.2.0/24', 'dev', 'eth0');
      pod.run('ip', 'addr', 'add', '192.0.2.9/32', 'dev', 'eth0');
      const ofNode = prevResult.interfaces.slice(0, -1);
      const own = { ...prevResult.interfaces.at(-1), mac: '02:00:00:00:00:99' };
      const interfaces = [...ofNode, own, { name: 'other0' }];
      ok(call('CHECK', pod, { prevResult: { ...prevResult, interfaces } }));
    });

    test('DEL-5, ERR-6: cnikit DEL succeeds before any ADD and after a failed one', () => {
      const pod = here.pod();
      ok(call('DEL', pod));
      fails(call('ADD', pod, { mtu: 70_000 }), 7, /./);
      ok(call('DEL', pod));
      expectNothingLeft();
    });

    test.each<[what: string, changes: { ipam?: object; [field: string]: unknown }]>([
      ['another bridge', { bridge: 'conf1' }],
      ['other ranges', { ipam: { subnet: '10.92.0.0/24' } }],
      [
        'no prevResult and other features',
        { hairpinMode: true, isGateway: true, ingressRate: 8000, ingressBurst: 80000 },
      ],
      ['other capabilities', { runtimeConfig: { ips: ['10.91.0.77'], mac: '02:00:00:00:00:01' } }],
    ])(
      'DEL-7: cnikit DEL frees everything after the configuration changed to %s',
      (_what, { ipam = {}, ...changes }) => {
        const pod = here.pod();
        ok(call('ADD', pod));
        const changed = { type: 'host-local', dataDir: here.dir, subnet: '10.91.0.0/24', ...ipam };
        ok(call('DEL', pod, { ...changes, ipam: changed }));
        expectNothingLeft();
      },
    );

    test('GC-3: cnikit GC frees nothing without a list, and everything with an empty list or null', () => {
      const pod = here.pod();
      for (const list of [[], null]) {
        ok(call('ADD', pod));
        ok(call('GC', NOBODY));
        expect(here.reservations()).toHaveLength(1);
        ok(call('GC', NOBODY, { [LISTED]: list }));
        expectNothingLeft();
      }
    });

    describe('with another IPAM plugin', () => {
      const ipam = { type: 'recorder' };
      const path = () => ({ CNI_PATH: here.dir, PATH: process.env.PATH ?? '' });

      test('DELEG-2, ADD-5: cnikit ADD passes the whole configuration to another IPAM plugin and merges its result', () => {
        const { stdin } = recordingIpam(here.dir, {
          cniVersion: '1.1.0',
          ips: [{ address: '10.91.1.5/24' }],
        });
        const prevResult = {
          cniVersion: '1.1.0',
          interfaces: [{ name: 'before' }],
          ips: [{ address: '192.0.2.1/24' }],
        };
        const { json } = ok(call('ADD', here.pod(), { ipam, prevResult, strange: 1 }, path()));
        expect(stdin('ADD')).toMatchObject({ cniVersion: '1.1.0', name: 'net', strange: 1, ipam });
        expect(json.interfaces[0]).toEqual({ name: 'before' });
        expect(json.ips).toMatchObject([
          { address: '192.0.2.1/24' },
          { address: '10.91.1.5/24', interface: json.interfaces.length - 1 },
        ]);
        expect(json.interfaces.at(-1)).toMatchObject({ name: 'eth0' });
      });

      test('DELEG-2: cnikit passes its whole environment to another IPAM plugin', () => {
        recordingIpam(here.dir, { cniVersion: '1.1.0', ips: [{ address: '10.91.1.5/24' }] });
        appendFileSync(`${here.dir}/recorder`, `echo "$OTHER $CNI_IFNAME" > ${here.dir}/seen\n`);
        ok(call('ADD', here.pod(), { ipam }, { ...path(), OTHER: 'kept' }));
        expect(readFileSync(`${here.dir}/seen`, 'utf8')).toBe('kept eth0\n');
      });

      test.each(['STATUS', 'GC', 'CHECK', 'DEL'])(
        'STATUS-2, GC-5, DELEG-5: cnikit returns the error of another IPAM plugin for %s',
        (command) => {
          const pod = here.pod();
          const { log } = recordingIpam(
            here.dir,
            { cniVersion: '1.1.0', ips: [{ address: '10.91.1.5/24' }] },
            command,
          );
          const { json: prevResult } = ok(call('ADD', pod, { ipam }, path()));
          const attached = command === 'CHECK' || command === 'DEL';
          fails(
            call(command, attached ? pod : NOBODY, { ipam, prevResult, [LISTED]: [] }, path()),
            command === 'GC' ? 999 : 11,
            /come back/,
          );
          expect(log().at(-1)).toBe(attached ? `${command} c1` : command);
        },
      );

      test('GC-4: cnikit GC removes the links after an error of another IPAM plugin', () => {
        recordingIpam(here.dir, { cniVersion: '1.1.0', ips: [{ address: '10.91.1.5/24' }] }, 'GC');
        ok(call('ADD', here.pod(), { ipam }, path()));
        fails(call('GC', NOBODY, { ipam, [LISTED]: [] }, path()), 999, /come back/);
        expect(hostVeths()).toEqual([]);
      });
    });

    test('STATUS-3, STATUS-4: cnikit STATUS changes nothing, and ADD works after a failed STATUS', () => {
      const pod = here.pod();
      mkdirSync(`${here.dir}/net`);
      const small = {
        ipam: { type: 'host-local', dataDir: here.dir, subnet: '10.91.0.0/30', failStatusWhenFull: true },
      };
      ok(call('ADD', pod, small));
      const before = nodeStateIn(here.dir);
      fails(call('STATUS', NOBODY, small), 50, /No free address/);
      expect(differences(before, nodeStateIn(here.dir))).toEqual([]);
      ok(call('DEL', pod, small));
      ok(call('ADD', pod, small));
    });

    test('ERR-5: cnikit DEL writes warnings to stderr and nothing to stdout', () => {
      const pod = here.pod();
      ok(call('ADD', pod));
      const { stdout, stderr } = ok(call('DEL', pod, { prevResult: { cniVersion: '9.9.9' } }));
      expect(stdout).toBe('');
      expect(stderr).toContain('prevResult');
    });

    test('ERR-2: cnikit ADD returns a numeric error code for an invalid result of a delegate', () => {
      recordingIpam(here.dir, { cniVersion: '1.1.0', ips: 'none' });
      const more = { CNI_PATH: here.dir, PATH: process.env.PATH ?? '' };
      const { json } = call('ADD', here.pod(), { ipam: { type: 'recorder' } }, more);
      expect(json.code).toEqual(expect.any(Number));
    });

    test.each([
      ['CAP-3', { runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 0 }] } }, 7],
      ['CAP-4', { ingressRate: 8000 }, 7],
      ['CAP-7', { runtimeConfig: { mac: 'zz' } }, 7],
      ['CAP-7', { runtimeConfig: { ips: ['10.91.0.1'] } }, 999],
      ['CAP-5', { runtimeConfig: { ipRanges: [[{ subnet: 'x' }]] } }, 7],
    ])('%s: cnikit ADD fails when it cannot do what the configuration asks for: %j', (_id, changes, code) => {
      fails(call('ADD', here.pod(), changes), code, /./);
      expectNothingLeft();
      if (code === 7) {
        expect(ipJson('link', 'show', 'type', 'bridge')).toEqual([]);
      }
    });

    test('ARGS-3: cnikit ADD prefers runtimeConfig to args.cni, and args.cni to CNI_ARGS', () => {
      const pod = here.pod();
      const macs = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03'];
      const macOf = (changes: object) => {
        const { json } = ok(call('ADD', pod, changes, { CNI_ARGS: `IgnoreUnknown=1;MAC=${macs[0]}` }));
        ok(call('DEL', pod, changes));
        return json.interfaces.at(-1).mac;
      };
      const args = { cni: { mac: macs[1] } };
      expect([macOf({}), macOf({ args }), macOf({ args, runtimeConfig: { mac: macs[2] } })]).toEqual(macs);
    });

    test.each([
      { args: 7 },
      { args: 'x' },
      { args: [] },
      { args: { cni: 'x' } },
      { args: { cni: { labels: [{}] } } },
      { args: { other: { deep: [null] } } },
    ])('ARGS-5: cnikit ADD accepts %j', (changes) => {
      ok(call('ADD', here.pod(), changes));
    });

    test('CHAIN-1: tuning works behind a plugin that creates any kind of interface', () => {
      const pod = here.pod();
      pod.run('ip', 'tuntap', 'add', 'eth0', 'mode', 'tap');
      const interfaces = [{ name: 'eth0' }, { name: 'eth0', mac: '02:00:00:00:00:01', sandbox: pod.path }];
      const prevResult = {
        cniVersion: '1.1.0',
        interfaces,
        ips: [{ address: '192.0.2.1/24', interface: 1 }],
      };
      const conf = {
        cniVersion: '1.1.0',
        name: 'net',
        type: 'tuning',
        dataDir: here.dir,
        mtu: 1300,
        prevResult,
      };
      ok(invoke(env('ADD', 'c1', pod), conf, 'tuning'));
      expect(pod.run('cat', '/proc/net/dev')).toContain('eth0');
      ok(invoke(env('CHECK', 'c1', pod), conf, 'tuning'));
      ok(invoke(env('DEL', 'c1', pod), conf, 'tuning'));
    });
  },
);
