import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { desiredSysctls } from '../desired/sysctls.ts';
import { hostFacts } from '../observe/facts.ts';
import { diffSysctls } from '../reconcile/diff.ts';
import { FakeKernel } from '../testing/fake-kernel.ts';
import { node } from '../testing/nodes.ts';
import { procSys, readSysctls, unwritableSysctls, writeSysctls } from './sysctls.ts';

const facts = hostFacts(new FakeKernel().dump());
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cnikit-sysctl-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function host(values: Record<string, string>): void {
  for (const [key, value] of Object.entries(values)) {
    mkdirSync(dirname(join(root, key)), { recursive: true });
    writeFileSync(join(root, key), `${value}\n`);
  }
}

const changes = (tunnel?: string): string[] => {
  const desired = desiredSysctls(node(1), facts, tunnel === undefined ? [] : [tunnel]);
  return diffSysctls(desired, readSysctls(desired, procSys(root))).map(
    ({ key, from, to }) => `${key} ${from}->${to}`,
  );
};

describe('the sysctls of a node', () => {
  const forwarding = { 'net/ipv4/ip_forward': '1', 'net/ipv6/conf/all/forwarding': '1' };
  test.each<[string, Record<string, string>, string | undefined, string[]]>([
    [
      'desiredSysctls() enables forwarding',
      { 'net/ipv4/ip_forward': '0' },
      undefined,
      ['net/ipv4/ip_forward 0->1'],
    ],
    ['desiredSysctls() does not write values that are right', forwarding, undefined, []],
    [
      'desiredSysctls() enables forwarding on a link where another program disabled it',
      { ...forwarding, 'net/ipv4/conf/eth0/forwarding': '0', 'net/ipv4/conf/cni0/forwarding': '0' },
      undefined,
      ['net/ipv4/conf/cni0/forwarding 0->1', 'net/ipv4/conf/eth0/forwarding 0->1'],
    ],
    [
      'desiredSysctls() leaves links to ip_forward, which sets all of them',
      { 'net/ipv4/ip_forward': '0', 'net/ipv4/conf/eth0/forwarding': '0' },
      undefined,
      ['net/ipv4/ip_forward 0->1'],
    ],
    ['desiredSysctls() ignores br_netfilter when it is not loaded', {}, undefined, []],
    [
      'desiredSysctls() makes bridged packets pass the rules if br_netfilter is loaded',
      { 'net/bridge/bridge-nf-call-iptables': '0', 'net/bridge/bridge-nf-call-ip6tables': '1' },
      undefined,
      ['net/bridge/bridge-nf-call-iptables 0->1'],
    ],
    [
      'desiredSysctls() keeps router advertisements on the egress interface before it enables forwarding',
      { 'net/ipv6/conf/eth0/accept_ra': '1', 'net/ipv6/conf/all/forwarding': '0' },
      undefined,
      ['net/ipv6/conf/eth0/accept_ra 1->2', 'net/ipv6/conf/all/forwarding 0->1'],
    ],
    [
      'desiredSysctls() leaves router advertisements disabled on an interface that takes none',
      { 'net/ipv6/conf/eth0/accept_ra': '0' },
      undefined,
      [],
    ],
    [
      'desiredSysctls() keeps a strict reverse path filter without a tunnel',
      { 'net/ipv4/conf/eth0/rp_filter': '1' },
      undefined,
      [],
    ],
    [
      'desiredSysctls() loosens a strict reverse path filter on the tunnel and on the egress interface',
      { 'net/ipv4/conf/vx/rp_filter': '1', 'net/ipv4/conf/eth0/rp_filter': '1' },
      'vx',
      ['net/ipv4/conf/vx/rp_filter 1->2', 'net/ipv4/conf/eth0/rp_filter 1->2'],
    ],
    [
      'desiredSysctls() loosens a filter that is strict for all interfaces',
      { 'net/ipv4/conf/all/rp_filter': '1', 'net/ipv4/conf/vx/rp_filter': '0' },
      'vx',
      ['net/ipv4/conf/vx/rp_filter 1->2'],
    ],
    [
      'desiredSysctls() keeps a disabled or loose filter',
      { 'net/ipv4/conf/vx/rp_filter': '0', 'net/ipv4/conf/eth0/rp_filter': '2' },
      'vx',
      [],
    ],
  ])('%s', (_, values, tunnel, want) => {
    host(values);
    expect(changes(tunnel)).toEqual(want);
  });
});

test('desiredSysctls() loosens the filter of the link with the InternalIP and of those to other nodes', () => {
  const kernel = new FakeKernel();
  kernel.links.push(
    { index: 3, name: 'eth1', mtu: 1500, up: true },
    { index: 4, name: 'eth2', mtu: 1500, up: true },
  );
  kernel.addresses = [{ index: 3, address: '192.0.2.1/24' }];
  const keys = desiredSysctls(node(1), hostFacts(kernel.dump()), ['vx'], ['vx', 'eth2']).map(
    ({ key }) => key,
  );
  expect(keys.filter((key) => key.endsWith('rp_filter'))).toEqual(
    ['vx', 'eth0', 'eth2', 'eth1'].map((link) => `net/ipv4/conf/${link}/rp_filter`),
  );
});

test('desiredSysctls() makes the bridge answer for routed pods, and only where both exist', () => {
  const ofBridge = (changes: object): string[] => {
    const desired = desiredSysctls(node(1), { ...facts, ...changes });
    return desired
      .filter(({ key }) => key.includes('cni0/proxy'))
      .map(({ key, value, transient }) => `${key}=${value}${transient ? ' transient' : ''}`);
  };
  expect(ofBridge({ bridge: 3, hasRoutedPods: true })).toEqual([
    'net/ipv4/neigh/cni0/proxy_delay=0',
    'net/ipv6/neigh/cni0/proxy_delay=0',
    'net/ipv6/conf/cni0/proxy_ndp=1',
  ]);
  expect(ofBridge({ bridge: 3 })).toEqual([]);
  expect(ofBridge({ hasRoutedPods: true })).toEqual([]);
});

test('desiredSysctls() keeps router advertisements on devices and on links that have their routes, not on pods', () => {
  const kernel = new FakeKernel();
  kernel.links.push(
    { index: 3, name: 'eth1', mtu: 1500, up: false },
    { index: 4, name: 'eth0.100', mtu: 1500, up: true, kind: 'vlan' },
    { index: 5, name: 'port', mtu: 1500, up: true, master: 6 },
    { index: 6, name: 'br0', mtu: 1500, up: true, kind: 'bridge' },
    { index: 7, name: 'docker0', mtu: 1500, up: true, kind: 'bridge' },
    { index: 8, name: 'veth1', mtu: 1500, up: true, kind: 'veth' },
    { index: 9, name: 'wg0', mtu: 1420, up: true, noArp: true },
  );
  const connected = kernel.routes.find(({ dst }) => dst === '2001:db8::/64')!;
  kernel.routes.push({ ...connected, dst: '2001:db8:6::/64', protocol: 'ra', oif: 6 });
  const keys = desiredSysctls(node(1), hostFacts(kernel.dump())).map(({ key }) => key);
  expect(keys.filter((key) => key.endsWith('accept_ra'))).toEqual(
    ['eth0', 'eth1', 'eth0.100', 'br0'].map((link) => `net/ipv6/conf/${link}/accept_ra`),
  );
});

test('procSys() can write settings of a link where /proc/sys is read-only', () => {
  const files = procSys('/nonexistent', () => {});
  expect(
    ['eth0.100', 'all', 'default'].map((link) => files.writable(`net/ipv4/conf/${link}/rp_filter`)),
  ).toEqual([true, false, false]);
  expect(() => files.write('net/ipv4/ip_forward', '1')).toThrow('ENOENT');
});

test('writeSysctls() writes each setting and reports why one was refused', () => {
  host({ 'net/ipv4/ip_forward': '0' });
  const action = (key: string) => ({ kind: 'sysctl', key, from: '0', to: '1', why: '' }) as const;
  expect([...writeSysctls([action('net/ipv4/ip_forward'), action('net/gone/x')], procSys(root))]).toEqual([
    ['net/gone/x', 'ENOENT'],
  ]);
  expect(readFileSync(join(root, 'net/ipv4/ip_forward'), 'utf8')).toBe('1');
});

test.each<[string, string | undefined, Record<string, string>]>([
  ['unwritableSysctls() returns nothing without an installed conflist', undefined, {}],
  ['unwritableSysctls() returns nothing for a malformed conflist', '{"plugins": [', {}],
  [
    'unwritableSysctls() returns the desired settings that the installed conflist sets',
    JSON.stringify({ plugins: [{ hostSysctls: { 'net/ipv4/ip_forward': '1', 'net/ipv4/other': '1' } }] }),
    { 'net/ipv4/ip_forward': '1' },
  ],
  [
    'unwritableSysctls() returns nothing when the conflist sets another value',
    JSON.stringify({ plugins: [{ hostSysctls: { 'net/ipv4/ip_forward': '0' } }] }),
    {},
  ],
])('%s', (_, conflist, want) => {
  const writable = { ...procSys('/nonexistent'), writable: () => true };
  expect(unwritableSysctls(desiredSysctls(node(1), facts), new Map(), writable, conflist)).toEqual(want);
});

test('unwritableSysctls() leaves no writable setting to the plugin', () => {
  host({ 'net/ipv4/ip_forward': '0' });
  const desired = desiredSysctls(node(1), facts);
  expect(unwritableSysctls(desired, readSysctls(desired, procSys(root)), procSys(root))).toEqual({});
});
