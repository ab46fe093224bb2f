import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { comparable, env, fails, inSandbox, ok } from './harness.ts';
import { invokers, runUpstream, UPSTREAM_DIR } from './invoke.ts';
import { makePod, type Pod } from './namespaces.ts';

const conf = { cniVersion: '0.3.1', name: 'cni-loopback', type: 'loopback' };

describe.skipIf(!inSandbox).each(invokers)(
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

    test('loopback ADD brings lo up and returns its addresses', () => {
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

    test('loopback ADD returns prevResult unchanged', () => {
      const prevResult = { cniVersion: '0.3.1', ips: [{ version: '4', address: '10.9.8.7/24' }], dns: {} };
      expect(ok(lo('ADD', {}, { prevResult })).json).toEqual(prevResult);
      expect(isUp()).toBe(true);
    });

    test.each([{ CNI_ARGS: 'none' }, { CNI_PATH: '' }, { CNI_PATH: '/nowhere' }, { CNI_IFNAME: 'eth0' }])(
      'loopback ADD and DEL ignore %j',
      (more) => {
        ok(lo('ADD', more));
        expect(isUp()).toBe(true);
        ok(lo('DEL', more));
        expect(isUp()).toBe(false);
      },
    );

    test('loopback DEL is idempotent and succeeds without the namespace', () => {
      for (const more of [{}, {}, { CNI_NETNS: '' }, { CNI_NETNS: '/run/netns/gone' }]) {
        ok(lo('DEL', more));
      }
    });

    test('loopback CHECK fails while lo is down', () => {
      const changes = { cniVersion: '1.0.0', prevResult: { cniVersion: '1.0.0' } };
      fails(lo('CHECK', {}, changes), 999, /loopback interface is down/);
      ok(lo('ADD'));
      ok(lo('CHECK', {}, changes));
    });

    test('loopback ADD fails when the namespace does not exist', () => {
      fails(lo('ADD', { CNI_NETNS: '/run/netns/gone' }), 4, /CNI_NETNS/);
    });

    test.skipIf(!existsSync(`${UPSTREAM_DIR}/loopback`))(
      'loopback ADD returns the same result as upstream',
      () => {
        const config = { ...conf, cniVersion: '1.0.0' };
        const theirs = ok(runUpstream(env('ADD', 'c1', pod, { CNI_IFNAME: 'lo' }), config, 'loopback')).json;
        expect(comparable(ok(lo('ADD', {}, config)).json)).toEqual(comparable(theirs));
      },
    );
  },
);
