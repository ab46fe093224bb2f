import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { comparable, env, fails, inSandbox, ok } from './harness.ts';
import { byReference, REFERENCE, ways } from './invoke.ts';

const hasReference = existsSync(`${REFERENCE}/host-local`);

describe.skipIf(!inSandbox).each(ways)(
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

    test('ADD answers with addresses, routes and dns, and no interfaces', () => {
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

    test('DEL frees, also without the namespace, and again', () => {
      ok(call('ADD', 'c1'));
      for (let i = 0; i < 2; i++) {
        ok(call('DEL', 'c1', conf(), { CNI_NETNS: '' }));
      }
      expect(existsSync(`${dataDir}/net/10.94.0.2`)).toBe(false);
    });

    test('CHECK is about any address of the container', () => {
      fails(call('CHECK', 'c1'), 999, 'host-local: Failed to find address added by container c1');
      ok(call('ADD', 'c1'));
      ok(call('CHECK', 'c1'));
    });

    test('GC frees what is not listed', () => {
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

    test('CNI_ARGS is taken strictly', () => {
      expect(ok(call('ADD', 'c1', conf(), { CNI_ARGS: 'IP=10.94.0.5' })).json.ips[0].address).toBe(
        '10.94.0.5/29',
      );
      fails(call('ADD', 'c2', conf(), { CNI_ARGS: 'X=1' }), 4, /unknown args \["X=1"\]/);
      ok(call('ADD', 'c2', conf(), { CNI_ARGS: 'X=1;IgnoreUnknown=1' }));
    });

    const both = (id: string, config: object, more = {}) => [
      call('ADD', id, config, more).json,
      byReference(vars('ADD', id, more), config, 'host-local').json,
    ];

    test.skipIf(!hasReference).each([
      ['plain', {}, {}, {}],
      ['version 0.2.0', { cniVersion: '0.2.0' }, {}, {}],
      ['version 0.4.0', { cniVersion: '0.4.0' }, {}, {}],
      ['runtimeConfig.ips', { runtimeConfig: { ips: ['10.94.0.6'] } }, {}, {}],
      ['an address outside', { runtimeConfig: { ips: ['10.1.1.1'] } }, {}, {}],
      ['the gateway asked for', {}, {}, { CNI_ARGS: 'IP=10.94.0.1' }],
      [
        'overlapping ranges',
        {},
        { ranges: [[{ subnet: '10.94.0.0/24' }], [{ subnet: '10.94.0.0/25' }]] },
        {},
      ],
      ['a subnet too small', {}, { ranges: [[{ subnet: '10.94.0.0/31' }]] }, {}],
      ['no ranges', {}, { ranges: [] }, {}],
    ])('ADD answers as the reference does: %s', (_what, changes, ipam, more) => {
      const config = (name: string) => conf({ ...changes, name }, ipam);
      const ours = call('ADD', 'c1', config('ours'), more).json;
      const theirs = byReference(vars('ADD', 'c1', more), config('theirs'), 'host-local').json;
      // The reference tells no version in an error, and one code for nearly all.
      const { cniVersion: _version, ...error } = ours;
      if (theirs.code === undefined) {
        expect(comparable(ours)).toEqual(comparable(theirs));
      } else {
        expect(error.msg).toBe(theirs.msg);
      }
    });

    test.skipIf(!hasReference)('the reference and it serve one network together', () => {
      const small = conf({}, { ranges: [[{ subnet: '10.94.0.0/29' }]] });
      const [a, b] = both('one', small);
      expect(a.ips[0].address).toBe('10.94.0.2/29');
      expect(b.msg).toMatch(/duplicate allocation is not allowed/);
      expect(byReference(vars('ADD', 'two'), small, 'host-local').json.ips[0].address).toBe('10.94.0.3/29');
      ok(call('DEL', 'two', small));
      expect(byReference(vars('DEL', 'one'), small, 'host-local').exitCode).toBe(0);
      expect(readdirSync(`${dataDir}/net`).filter((name) => name.startsWith('10.'))).toEqual([]);
    });
  },
);
