import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { comparable, env, fails, inSandbox, ok } from './harness.ts';
import { byReference, REFERENCE, ways } from './invoke.ts';
import { makePod, type Pod } from './namespaces.ts';

const conf = { cniVersion: '0.3.1', name: 'cni-loopback', type: 'loopback' };

describe.skipIf(!inSandbox).each(ways)(
  'loopback by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    let pod: Pod;
    const lo = (command: string, more = {}, changes = {}) =>
      invoke(env(command, 'c1', pod, { CNI_IFNAME: 'lo', ...more }), { ...conf, ...changes }, 'loopback');
    const isUp = () => JSON.parse(pod.run('ip', '-j', 'link', 'show', 'lo'))[0].flags.includes('UP');
    beforeEach(() => {
      pod = makePod();
    });
    afterEach(() => pod.remove());

    test('ADD brings lo up and tells its addresses', () => {
      expect(isUp()).toBe(false);
      expect(ok(lo('ADD')).json).toEqual({
        cniVersion: '0.3.1',
        interfaces: [{ name: 'lo', mac: '00:00:00:00:00:00', sandbox: pod.path }],
        ips: [
          { version: '4', address: '127.0.0.1/8', interface: 0 },
          { version: '6', address: '::1/128', interface: 0 },
        ],
        dns: {},
      });
      expect(isUp()).toBe(true);
      pod.run('ping', '-c', '1', '-W', '2', '127.0.0.1');
    });

    test('ADD passes prevResult on as it is', () => {
      const prevResult = { cniVersion: '0.3.1', ips: [{ version: '4', address: '10.9.8.7/24' }], dns: {} };
      expect(ok(lo('ADD', {}, { prevResult })).json).toEqual(prevResult);
      expect(isUp()).toBe(true);
    });

    test.each([{ CNI_ARGS: 'none' }, { CNI_PATH: '' }, { CNI_PATH: '/nowhere' }, { CNI_IFNAME: 'eth0' }])(
      'ADD and DEL do not mind %j',
      (more) => {
        ok(lo('ADD', more));
        expect(isUp()).toBe(true);
        ok(lo('DEL', more));
        expect(isUp()).toBe(false);
      },
    );

    test('DEL succeeds again, and without the namespace', () => {
      for (const more of [{}, {}, { CNI_NETNS: '' }, { CNI_NETNS: '/run/netns/gone' }]) {
        ok(lo('DEL', more));
      }
    });

    test('CHECK tells whether lo is up', () => {
      const changes = { cniVersion: '1.0.0', prevResult: { cniVersion: '1.0.0' } };
      fails(lo('CHECK', {}, changes), 999, /loopback interface is down/);
      ok(lo('ADD'));
      ok(lo('CHECK', {}, changes));
    });

    test('a missing namespace is an error of ADD', () => {
      fails(lo('ADD', { CNI_NETNS: '/run/netns/gone' }), 4, /CNI_NETNS/);
    });

    test.skipIf(!existsSync(`${REFERENCE}/loopback`))('ADD answers as the reference does', () => {
      const config = { ...conf, cniVersion: '1.0.0' };
      const theirs = ok(byReference(env('ADD', 'c1', pod, { CNI_IFNAME: 'lo' }), config, 'loopback')).json;
      expect(comparable(ok(lo('ADD', {}, config)).json)).toEqual(comparable(theirs));
    });
  },
);
