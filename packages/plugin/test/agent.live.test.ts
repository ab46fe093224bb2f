/** The fields of `cnikit` that the node's agent uses. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { hostVethName } from '../src/links/names.ts';
import { env, fails, inSandbox, ok } from './harness.ts';
import { invokers } from './invoke.ts';
import { hostVeths } from './namespaces.ts';
import { scratch } from './scratch.ts';

describe.skipIf(!inSandbox).each(invokers)(
  'cnikit and the agent, by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const call = (command: string, id: string, path: string, changes: object) =>
      invoke(env(command, id, { path }), {
        cniVersion: '1.1.0',
        name: 'net',
        type: 'cnikit',
        bridge: 'agent0',
        ipam: { type: 'host-local', dataDir: here.dir, subnet: '10.94.0.0/29' },
        ...changes,
      });
    const status = (changes: object = {}) =>
      call('STATUS', '', '', { readinessFile: `${here.dir}/readiness.json`, ...changes });
    const writeReadiness = (text: string) => writeFileSync(`${here.dir}/readiness.json`, text);
    const sysctl = (key: string) => readFileSync(`/proc/sys/${key}`, 'utf8').trim();

    test('cnikit STATUS prints nothing when the agent is ready or no readiness file is configured', () => {
      writeReadiness('{"ready": true, "since": 5}');
      expect(ok(status()).stdout).toBe('');
      ok(status({ readinessFile: undefined }));
      ok(status({ ReadinessFile: null }));
    });

    test.each([
      [undefined, /^The agent has not started yet$/],
      ['', /expected a JSON object/],
      ['null', /expected a JSON object/],
      ['{"ready": false, "reason": "no route to node b"}', /^The agent is not ready: no route to node b$/],
      ['{"ready": "true"}', /^The agent is not ready: no reason given$/],
      ['[]', /not ready/],
    ])('cnikit STATUS returns 50 and ADD succeeds when the readiness file contains %j', (text, msg) => {
      if (text !== undefined) {
        writeReadiness(text);
      }
      fails(status(), 50, msg);
      const file = { readinessFile: `${here.dir}/readiness.json` };
      const pod = here.pod();
      ok(call('ADD', 'c1', pod.path, file));
      ok(call('DEL', 'c1', pod.path, file));
    });

    test('cnikit STATUS returns 50 when the readiness file cannot be read', () => {
      mkdirSync(`${here.dir}/readiness.json`);
      fails(status(), 50, /Cannot read .*readiness: EISDIR/);
    });

    test('cnikit STATUS succeeds when the pool is full', () => {
      writeReadiness('{"ready": true}');
      for (let i = 0; i < 5; i++) {
        ok(call('ADD', `c${i}`, here.pod().path, {}));
      }
      ok(status());
    });

    test('cnikit ADD sets host sysctls that differ, and DEL keeps them', () => {
      writeFileSync('/proc/sys/net/ipv4/conf/all/rp_filter', '1');
      const hostSysctls = {
        'net/ipv4/conf/all/rp_filter': '2',
        'net.ipv4.ip_local_port_range': '20000 60999',
        'net/ipv4/conf/IFNAME/rp_filter': '2',
      };
      ok(call('ADD', 'c1', here.pod().path, { hostSysctls }));
      expect(sysctl('net/ipv4/conf/all/rp_filter')).toBe('2');
      expect(sysctl('net/ipv4/ip_local_port_range')).toBe('20000\t60999');
      expect(sysctl(`net/ipv4/conf/${hostVethName('net', 'c1', 'eth0')}/rp_filter`)).toBe('2');
      ok(call('DEL', 'c1', '', { hostSysctls }));
      expect(sysctl('net/ipv4/conf/all/rp_filter')).toBe('2');
    });

    test('cnikit ADD ignores hostSysctls of a link that does not exist', () => {
      const hostSysctls = { 'net/ipv6/conf/gone0/proxy_ndp': '1' };
      ok(call('ADD', 'c1', here.pod().path, { hostSysctls }));
      ok(call('DEL', 'c1', '', { hostSysctls }));
    });

    test.each([
      [{ 'net/ipv4/conf/lo/no_such': '1' }, 5, /Cannot set sysctl .*lo\/no_such to 1/],
      [{ 'net/ipv4/no_such': '1' }, 5, /Cannot set sysctl \/proc\/sys\/net\/ipv4\/no_such to 1/],
      [{ 'net/ipv4/conf/all/rp_filter': 'zz' }, 5, /Cannot set sysctl .*rp_filter to zz/],
      [{ 'kernel/hostname': 'x' }, 7, /invalid net sysctl key/],
      [{ 'net/../kernel/hostname': 'x' }, 7, /invalid net sysctl key/],
      [{ 'net/core/somaxconn': 1 }, 7, /Invalid configuration/],
      ['net', 7, /Invalid configuration/],
    ])('cnikit ADD fails and leaves nothing with hostSysctls %j', (hostSysctls, code, msg) => {
      fails(call('ADD', 'c1', here.pod().path, { hostSysctls }), code, msg);
      expect([...hostVeths(), ...here.reservations()]).toEqual([]);
    });
  },
);
