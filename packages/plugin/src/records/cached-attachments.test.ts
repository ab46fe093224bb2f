import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sys } from '@cnikit/sys';
import { expect, onTestFinished, test } from 'vitest';
import { cachedAttachments, parseRecord } from './cached-attachments.ts';

const base64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64');

const result = {
  cniVersion: '1.0.0',
  interfaces: [
    { name: 'cni0', mac: '02:00:00:00:00:01' },
    { name: 'veth1' },
    { name: 'eth0', sandbox: '/n/1' },
  ],
  ips: [{ address: '10.0.0.2/24', interface: 2 }],
};
const record = {
  kind: 'cniCacheV1',
  containerId: 'c1',
  ifName: 'eth0',
  networkName: 'net',
  config: base64({
    cniVersion: '0.4.0',
    cniVersions: ['0.4.0', '1.0.0'],
    name: 'net',
    plugins: [{ type: 'bridge' }, { type: 'portmap', capabilities: { portMappings: true, mac: false } }],
  }),
  cniArgs: [
    ['IgnoreUnknown', '1'],
    ['K8S_POD_NAME', 'p'],
  ],
  capabilityArgs: { portMappings: [{ HostPort: 80 }], mac: 'x' },
  result,
};

test('parseRecord() gives each plugin what the runtime passed to it, in the version that it chose', () => {
  const { plugins, ...rest } = parseRecord(record)!;
  expect(rest).toEqual({
    network: 'net',
    containerID: 'c1',
    ifName: 'eth0',
    netns: '/n/1',
    args: 'IgnoreUnknown=1;K8S_POD_NAME=p',
    addresses: ['10.0.0.2'],
    hostLinks: [{ name: 'cni0', mac: '02:00:00:00:00:01' }, { name: 'veth1' }],
  });
  const common = { name: 'net', cniVersion: '1.0.0', prevResult: result };
  expect(plugins.map(({ type, configuration }) => [type, JSON.parse(configuration)])).toEqual([
    ['bridge', { ...common, type: 'bridge', runtimeConfig: {} }],
    [
      'portmap',
      {
        ...common,
        type: 'portmap',
        capabilities: { portMappings: true, mac: false },
        runtimeConfig: { portMappings: [{ HostPort: 80 }] },
      },
    ],
  ]);
});

test('parseRecord() takes 0.3.1, which has no CHECK, for 0.4.0', () => {
  const { plugins } = parseRecord({ ...record, result: { ...result, cniVersion: '0.3.1' } })!;
  expect(JSON.parse(plugins[0]!.configuration)).toMatchObject({ cniVersion: '0.4.0' });
});

test.each([
  ['null', null],
  ['a list', []],
  ['a result of libcni before 0.8', { cniVersion: '0.3.1', ips: [] }],
  ['a record without a result', { ...record, result: undefined }],
  ['a record whose configuration is not an object', { ...record, config: base64(7) }],
  ['a record whose name is a number', { ...record, networkName: 7 }],
])('parseRecord() ignores %s', (_, value) => {
  expect(parseRecord(value)).toBeUndefined();
});

test('parseRecord() ignores malformed interfaces, arguments and plugins', () => {
  const { plugins, hostLinks, args } = parseRecord({
    ...record,
    cniArgs: 'x',
    capabilityArgs: 7,
    config: base64({ name: 'net', plugins: [7, { type: 'bridge', capabilities: 'x' }] }),
    result: { interfaces: [null] },
  })!;
  expect([plugins.length, hostLinks, args]).toEqual([1, [], '']);
});

test('parseRecord() takes the addresses of the pod interface only, and those without an interface', () => {
  const ips = [
    { address: '10.0.0.1/24', interface: 0 },
    { address: '10.0.0.2/24', interface: 2 },
    { address: '10.0.0.3/24' },
    { address: '10.0.0.4/24', interface: 7 },
  ];
  expect(parseRecord({ ...record, result: { ...result, ips } })?.addresses).toEqual(['10.0.0.2', '10.0.0.3']);
});

test('cachedAttachments() returns the readable records, the newest first', () => {
  const cacheDir = mkdtempSync('/tmp/cnikit-cache-');
  onTestFinished(() => rmSync(cacheDir, { recursive: true }));
  const results = join(cacheDir, 'results');
  expect(cachedAttachments(sys, cacheDir)).toEqual([]);
  mkdirSync(join(results, 'directory'), { recursive: true });
  const write = (name: string, text: string, seconds: number) => {
    writeFileSync(join(results, name), text);
    utimesSync(join(results, name), seconds, seconds);
  };
  write('older', JSON.stringify({ ...record, containerId: 'c1' }), 1000);
  write('newer', JSON.stringify({ ...record, containerId: 'c2' }), 2000);
  write('no-json', '{', 3000);
  write('another-kind', '{}', 3000);
  expect(
    cachedAttachments(sys, cacheDir).map(({ containerID, writtenMs }) => [containerID, writtenMs]),
  ).toEqual([
    ['c2', 2_000_000],
    ['c1', 1_000_000],
  ]);
});

test('cachedAttachments() throws what is not a fault of a record', () => {
  const broken = {
    ...sys,
    readdir: () => ['c1'],
    readText: () => {
      throw new RangeError('broken');
    },
  };
  expect(() => cachedAttachments(broken)).toThrow('broken');
});
