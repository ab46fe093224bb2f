import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { comparable, env, fails, inSandbox, ok } from './harness.ts';
import { invokers, isUpstreamPinned, runUpstream, UPSTREAM_DIR } from './invoke.ts';

const ARGS_CNI = { args: { cni: { ips: ['10.94.0.5/29'] } } };
const hasUpstream = existsSync(`${UPSTREAM_DIR}/host-local`);

describe.skipIf(!inSandbox).each(invokers)(
  'host-local by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    let dataDir: string;
    const conf = (changes: object = {}, ipam: object = {}) => ({
      cniVersion: '1.0.0',
      name: 'net',
      type: 'bridge',
      ipam: {
        type: 'host-local',
        dataDir,
        ranges: [[{ subnet: '10.94.0.0/29' }], [{ subnet: 'fd94::/64', rangeStart: 'fd94::10' }]],
        routes: [{ dst: '0.0.0.0/0' }, { dst: 'fd00::/8', gw: 'fd94::1' }],
        ...ipam,
      },
      ...changes,
    });
    const vars = (command: string, id: string, more = {}) => env(command, id, { path: '/run/any' }, more);
    const call = (command: string, id: string, config: object = conf(), more = {}) =>
      invoke(vars(command, id, more), config, 'host-local');
    beforeEach(() => {
      dataDir = mkdtempSync('/run/cnikit-test-');
    });
    afterEach(() => rmSync(dataDir, { recursive: true }));

    test('host-local ADD returns addresses, routes and dns without interfaces', () => {
      writeFileSync(`${dataDir}/resolv.conf`, 'nameserver 192.0.2.53\nsearch example.org\n');
      expect(ok(call('ADD', 'c1', conf({}, { resolvConf: `${dataDir}/resolv.conf` }))).json).toEqual({
        cniVersion: '1.0.0',
        ips: [
          { address: '10.94.0.2/29', gateway: '10.94.0.1' },
          { address: 'fd94::10/64', gateway: 'fd94::1' },
        ],
        routes: [{ dst: '0.0.0.0/0' }, { dst: 'fd00::/8', gw: 'fd94::1' }],
        dns: { nameservers: ['192.0.2.53'], search: ['example.org'] },
      });
      expect(readFileSync(`${dataDir}/net/10.94.0.2`, 'utf8')).toBe('c1\r\neth0');
    });

    test('host-local DEL is idempotent and works without the namespace', () => {
      ok(call('ADD', 'c1'));
      for (let i = 0; i < 2; i++) {
        ok(call('DEL', 'c1', conf(), { CNI_NETNS: '' }));
      }
      expect(existsSync(`${dataDir}/net/10.94.0.2`)).toBe(false);
    });

    test('host-local CHECK passes while the container holds any address', () => {
      fails(call('CHECK', 'c1'), 999, 'host-local: Failed to find address added by container c1');
      ok(call('ADD', 'c1'));
      ok(call('CHECK', 'c1'));
    });

    test('host-local GC frees attachments that are not listed', () => {
      for (const id of ['keep', 'lost']) {
        ok(call('ADD', id));
      }
      const valid = [{ containerID: 'keep', ifname: 'eth0' }];
      ok(call('GC', '', conf({ cniVersion: '1.1.0', 'cni.dev/valid-attachments': valid })));
      expect(readdirSync(`${dataDir}/net`).sort()).toEqual(
        expect.arrayContaining(['10.94.0.2', 'fd94::10', 'lock']),
      );
      expect(existsSync(`${dataDir}/net/10.94.0.3`)).toBe(false);
    });

    test('host-local GC keeps a reservation of one line while its container has any attachment', () => {
      const place = `${dataDir}/net`;
      const gc = (side: typeof runUpstream, valid: object[]) =>
        ok(
          side(
            vars('GC', ''),
            conf({ cniVersion: '1.1.0', 'cni.dev/valid-attachments': valid }),
            'host-local',
          ),
        );
      for (const side of isUpstreamPinned ? [invoke, runUpstream] : [invoke]) {
        mkdirSync(place, { recursive: true });
        for (const [address, id] of [
          ['10.94.0.3', 'keep'],
          ['10.94.0.4', 'lost'],
        ] as const) {
          writeFileSync(`${place}/${address}`, id);
        }
        gc(side, [{ containerID: 'keep', ifname: 'net1' }]);
        expect(readdirSync(place).filter((name) => name.startsWith('10.'))).toEqual(['10.94.0.3']);
        gc(side, []);
        expect(readdirSync(place).filter((name) => name.startsWith('10.'))).toEqual([]);
      }
    });

    test('host-local GC frees nothing without a list of attachments, unlike upstream', () => {
      ok(call('ADD', 'c1'));
      const held = () => readdirSync(`${dataDir}/net`).includes('10.94.0.2');
      for (const more of [{}, { 'cni.dev/valid-attachments': undefined }]) {
        ok(call('GC', '', conf({ cniVersion: '1.1.0', ...more })));
        expect(held()).toBe(true);
      }
      if (isUpstreamPinned) {
        ok(runUpstream(vars('GC', ''), conf({ cniVersion: '1.1.0' }), 'host-local'));
        expect(held()).toBe(false);
      }
    });

    test.each([
      ['a gateway outside its subnet', { ranges: [[{ subnet: '10.94.0.0/29', gateway: '10.95.0.1' }]] }],
      ['a range start behind its end', { ranges: [[{ subnet: '10.94.0.0/29', rangeStart: '10.94.0.7' }]] }],
      ['a subnet that is too small', { ranges: [[{ subnet: '10.94.0.0/31' }]] }],
      ['no ranges', { ranges: [] }],
      ['a route that is not one', { routes: [{ dst: 'x' }] }],
      ['a wrong type', { ranges: 5 }],
    ])('host-local DEL frees the address of a pod whose configuration now has %s', (what, ipam) => {
      ok(call('ADD', 'c1'));
      ok(call('ADD', 'c2'));
      const broken = conf({}, ipam);
      fails(call('ADD', 'c3', broken), 7, /./);
      ok(call('CHECK', 'c1', broken));
      for (let i = 0; i < 2; i++) {
        ok(call('DEL', 'c1', broken, { CNI_ARGS: 'X=1' }));
      }
      ok(call('GC', '', { ...broken, cniVersion: '1.1.0', 'cni.dev/valid-attachments': [] }));
      expect(readdirSync(`${dataDir}/net`).filter((name) => /^(10|fd94)/.test(name))).toEqual([]);
      if (isUpstreamPinned && what.includes('gateway')) {
        fails(
          runUpstream(vars('DEL', 'c1'), broken, 'host-local'),
          999,
          /gateway 10\.95\.0\.1 not in network/,
        );
      }
    });

    test('host-local ADD refuses two ranges of a family for 0.2.0, and DEL does not', () => {
      const ranges = [[{ subnet: '10.94.0.0/29' }], [{ subnet: '10.94.1.0/29' }]];
      const two = (cniVersion: string) => conf({ cniVersion }, { ranges });
      ok(call('ADD', 'c1', two('0.3.1')));
      fails(call('ADD', 'c2', two('0.2.0')), 7, /does not support more than 1 address per family/);
      ok(call('DEL', 'c1', two('0.2.0')));
      expect(readdirSync(`${dataDir}/net`).filter((name) => name.startsWith('10.'))).toEqual([]);
      const theirs = runUpstream(vars('ADD', 'c1'), two('0.2.0'), 'host-local');
      fails(theirs, 999, /does not support more than 1 address per family/);
    });

    test('host-local ADD rejects unknown CNI_ARGS unless IgnoreUnknown is set', () => {
      expect(ok(call('ADD', 'c1', conf(), { CNI_ARGS: 'IP=10.94.0.5' })).json.ips[0].address).toBe(
        '10.94.0.5/29',
      );
      fails(call('ADD', 'c2', conf(), { CNI_ARGS: 'X=1' }), 4, /unknown args \["X=1"\]/);
      ok(call('ADD', 'c2', conf(), { CNI_ARGS: 'X=1;IgnoreUnknown=1' }));
    });

    const both = (id: string, config: object, more = {}) => [
      call('ADD', id, config, more).json,
      runUpstream(vars('ADD', id, more), config, 'host-local').json,
    ];

    test.skipIf(!hasUpstream).each([
      ['plain', {}, {}, {}],
      ['version 0.2.0', { cniVersion: '0.2.0' }, {}, {}],
      ['version 0.4.0', { cniVersion: '0.4.0' }, {}, {}],
      ['runtimeConfig.ips', { runtimeConfig: { ips: ['10.94.0.6'] } }, {}, {}],
      ['an address outside the ranges', { runtimeConfig: { ips: ['10.1.1.1'] } }, {}, {}],
      ['a request for the gateway address', {}, {}, { CNI_ARGS: 'IP=10.94.0.1' }],
      [
        'overlapping ranges',
        {},
        { ranges: [[{ subnet: '10.94.0.0/24' }], [{ subnet: '10.94.0.0/25' }]] },
        {},
      ],
      ['a subnet that is too small', {}, { ranges: [[{ subnet: '10.94.0.0/31' }]] }, {}],
      ['one address requested twice', ARGS_CNI, {}, { CNI_ARGS: 'IP=10.94.0.5' }],
      ['no ranges', {}, { ranges: [] }, {}],
    ])('host-local ADD returns the same as upstream: %s', (_what, changes, ipam, more) => {
      const config = (name: string) => conf({ ...changes, name }, ipam);
      const ours = call('ADD', 'c1', config('ours'), more).json;
      const theirs = runUpstream(vars('ADD', 'c1', more), config('theirs'), 'host-local').json;
      // Upstream errors have no version, and the same code in nearly all cases.
      const { cniVersion: _version, ...error } = ours;
      if (theirs.code === undefined) {
        expect(comparable(ours)).toEqual(comparable(theirs));
      } else {
        expect(error.msg).toBe(theirs.msg);
      }
    });

    test.skipIf(!hasUpstream)('host-local and upstream share one network', () => {
      const small = conf({}, { ranges: [[{ subnet: '10.94.0.0/29' }]] });
      const [a, b] = both('one', small);
      expect(a.ips[0].address).toBe('10.94.0.2/29');
      expect(b.msg).toMatch(/duplicate allocation is not allowed/);
      expect(runUpstream(vars('ADD', 'two'), small, 'host-local').json.ips[0].address).toBe('10.94.0.3/29');
      ok(call('DEL', 'two', small));
      expect(runUpstream(vars('DEL', 'one'), small, 'host-local').exitCode).toBe(0);
      expect(readdirSync(`${dataDir}/net`).filter((name) => name.startsWith('10.'))).toEqual([]);
    });
  },
);
