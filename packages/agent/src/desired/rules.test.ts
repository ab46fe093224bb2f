import { expect, test } from 'vitest';
import { acceptRules, hasRandomPorts, iptablesRules, noRules } from './rules.ts';

const filter = { family: 'ipv4', podCIDRs: ['10.244.1.0/24'], masquerade: {} } as const;
const none = () => ({ prefixes: [] });

test('iptablesRules() accepts pod traffic and masquerades by destination, on every interface', () => {
  const [forward, nat] = iptablesRules(filter, () => ({ prefixes: ['10.244.0.0/16'] }));
  expect(forward).toMatchObject({
    table: 'filter',
    chains: {
      'CNIKIT-FORWARD': [
        { source: '10.244.1.0/24', jump: 'ACCEPT' },
        { destination: '10.244.1.0/24', jump: 'ACCEPT' },
      ],
    },
    jumps: [{ from: 'FORWARD', to: 'CNIKIT-FORWARD', at: 'before-default' }],
  });
  expect(nat).toMatchObject({
    table: 'nat',
    chains: {
      'CNIKIT-POSTROUTING': [{ source: '10.244.1.0/24', jump: 'CNIKIT-MASQ' }],
      'CNIKIT-MASQ': [
        { destination: '10.244.0.0/16', jump: 'RETURN' },
        { destination: '224.0.0.0/4', jump: 'RETURN' },
        { jump: 'MASQUERADE' },
      ],
    },
    jumps: [{ from: 'POSTROUTING', to: 'CNIKIT-POSTROUTING' }],
  });
  expect(JSON.stringify(nat)).not.toContain('outInterface');
});

test('iptablesRules() names the egress interfaces with --masquerade=egress', () => {
  const [, nat] = iptablesRules({ ...filter, masquerade: { outInterfaces: ['eth0', 'eth1'] } }, none);
  expect(nat?.chains['CNIKIT-POSTROUTING']).toMatchObject([
    { source: '10.244.1.0/24', outInterface: 'eth0' },
    { source: '10.244.1.0/24', outInterface: 'eth1' },
  ]);
});

test('iptablesRules() forwards without masquerading', () => {
  const [forward, nat] = iptablesRules({ family: 'ipv6', podCIDRs: ['fd00:10:244:1::/64'] }, none);
  expect(forward?.chains).toHaveProperty('CNIKIT-FORWARD');
  expect(nat).toEqual({ table: 'nat', chains: {} });
});

test('iptablesRules() has no rules for a family without pods', () => {
  expect(iptablesRules(undefined, none)).toEqual(noRules);
});

test.each([
  ['6.18.44-fc', true],
  ['3.13.0-24-generic', true],
  ['3.10.0-1160.el7.x86_64', false],
  ['2.6.32', false],
  ['unknown', false],
])('hasRandomPorts() of Linux %s: %s', (release, has) => {
  expect(hasRandomPorts(release)).toBe(has);
});

test.each([true, false])('iptablesRules() chooses random ports if the kernel supports it: %s', (can) => {
  const [, nat] = iptablesRules(filter, none, can);
  expect(JSON.stringify(nat).includes('--random-fully')).toBe(can);
});

test('acceptRules() accepts forwarded packets without comments, and does not masquerade', () => {
  const tables = acceptRules(filter);
  expect(tables).toMatchObject([
    {
      table: 'filter',
      chains: {
        'CNIKIT-FORWARD': [
          { source: '10.244.1.0/24', jump: 'ACCEPT' },
          { destination: '10.244.1.0/24', jump: 'ACCEPT' },
        ],
      },
      jumps: [{ from: 'FORWARD', to: 'CNIKIT-FORWARD', at: 'before-default' }],
    },
    { table: 'nat', chains: {} },
  ]);
  expect(JSON.stringify(tables)).not.toContain('comment');
});

test('acceptRules() has no rules for a family without pods', () => {
  expect(acceptRules(undefined)).toEqual(noRules);
});
