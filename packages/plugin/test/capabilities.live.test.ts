/** Every capability in runtimeConfig: valid, null and malformed. */
import { describe, expect, test } from 'vitest';
import { env, fails, inSandbox, ok } from './harness.ts';
import { invokers } from './invoke.ts';
import { hostVeths } from './namespaces.ts';
import { scratch } from './scratch.ts';

const MAC = '02:00:5e:10:00:07';
const DNS = { nameservers: ['192.0.2.53'], search: ['example'], options: ['ndots:2'] };

describe.skipIf(!inSandbox).each(invokers)(
  'capabilities of cnikit by %s (needs the sandbox: run npm test at the root)',
  (_, invoke) => {
    const here = scratch();
    const call = (command: string, runtimeConfig: unknown, changes: object = {}) =>
      invoke(env(command, 'c1', here.pods[0] ?? here.pod()), {
        cniVersion: '1.0.0',
        name: 'net',
        type: 'cnikit',
        bridge: 'cap0',
        ipam: { type: 'host-local', dataDir: here.dir, subnet: '10.90.0.0/24' },
        runtimeConfig,
        ...changes,
      });

    test.each([
      ['mac', MAC, { interfaces: [{}, {}, { mac: MAC }] }],
      ['mac', MAC.toUpperCase().replaceAll(':', '-'), { interfaces: [{}, {}, { mac: MAC }] }],
      ['Mac', MAC, { interfaces: [{}, {}, { mac: MAC }] }],
      ['ips', ['10.90.0.77'], { ips: [{ address: '10.90.0.77/24' }] }],
      ['ips', ['10.90.0.77/24'], { ips: [{ address: '10.90.0.77/24' }] }],
      ['ips', [], { ips: [{ address: '10.90.0.2/24' }] }],
      [
        'ipRanges',
        [[{ subnet: '10.90.1.0/24', rangeStart: '10.90.1.9' }]],
        { ips: [{ address: '10.90.1.9/24' }, { address: '10.90.0.2/24' }] },
      ],
      ['ipRanges', [[{ Subnet: '10.90.1.0/24' }]], { ips: [{ address: '10.90.1.2/24' }, {}] }],
      ['ipRanges', [], { ips: [{ address: '10.90.0.2/24' }] }],
      ['dns', { servers: DNS.nameservers, searches: DNS.search, options: DNS.options }, { dns: DNS }],
      ['dns', { Servers: DNS.nameservers }, { dns: { nameservers: DNS.nameservers } }],
      ['aliases', ['web'], {}],
      ['cgroupPath', '/kubepods/x', {}],
      ['deviceID', '0000:00:1f.6', {}],
      ['infinibandGUID', 'c2:11:22:33:44:55:66:77', {}],
      ['io.kubernetes.cri.pod-annotations', { 'example.com/a': 'b' }, {}],
      ['unheard-of', { a: [1] }, {}],
    ])('cnikit ADD, CHECK and DEL accept the capability %s %j', (name, value, expected) => {
      const runtimeConfig = { [name]: value };
      const { json } = ok(call('ADD', runtimeConfig));
      expect(json).toMatchObject(expected);
      ok(call('CHECK', runtimeConfig, { prevResult: json }));
      ok(call('DEL', runtimeConfig));
      expect([...hostVeths(), ...here.reservations()]).toEqual([]);
    });

    const names = [
      'mac',
      'ips',
      'ipRanges',
      'dns',
      'bandwidth',
      'portMappings',
      'aliases',
      'cgroupPath',
      'deviceID',
      'infinibandGUID',
      'io.kubernetes.cri.pod-annotations',
    ];
    test('cnikit ADD ignores null capabilities and a null runtimeConfig', () => {
      for (const runtimeConfig of [
        Object.fromEntries(names.map((name) => [name, null])),
        null,
        {},
        undefined,
      ]) {
        const { json } = ok(call('ADD', runtimeConfig));
        expect(json.ips).toHaveLength(1);
        expect(json).not.toHaveProperty('dns');
        ok(call('DEL', runtimeConfig));
      }
    });

    test.each([
      ['mac', 'zz', /mac/],
      ['mac', 5, /mac/],
      ['ips', ['zz'], /invalid IP address zz/],
      ['ips', '10.90.0.7', /ips/],
      ['ips', ['10.91.0.7'], /10\.91\.0\.7/, 999],
      ['ips', ['10.90.0.1'], /10\.90\.0\.1/, 999],
      ['ipRanges', [{ subnet: '10.90.1.0/24' }], /ipRanges\[0\] must be an array/],
      ['ipRanges', [[{ subnet: '10.90.1.1/24' }]], /host bits/],
      ['ipRanges', 5, /ipRanges/],
      ['dns', { servers: 'x' }, /dns\.servers/],
      ['dns', [], /dns/],
      ['bandwidth', { ingressRate: 5 }, /burst must also be set/],
    ])('cnikit ADD fails and leaves nothing with the capability %s %j', (name, value, msg, code = 7) => {
      const runtimeConfig = { [name]: value };
      fails(call('ADD', runtimeConfig), code, msg);
      expect([...hostVeths(), ...here.reservations()]).toEqual([]);
    });

    test.each([
      ['aliases', 5],
      ['cgroupPath', {}],
      ['deviceID', []],
      ['infinibandGUID', 5],
      ['io.kubernetes.cri.pod-annotations', 'x'],
    ])('cnikit ADD and DEL ignore the unused capability %s %j', (name, value) => {
      ok(call('ADD', { [name]: value }));
      ok(call('DEL', { [name]: value }));
    });
  },
);
