import { describe, expect, test } from 'vitest';
import { capability, decodeNetworkConfig, normaliseKeys, type RuntimeConfig } from './index.ts';

const config = (runtimeConfig: unknown) =>
  decodeNetworkConfig(JSON.stringify({ cniVersion: '1.0.0', name: 'n', runtimeConfig }));

describe('capability()', () => {
  test.each<[keyof RuntimeConfig & string, unknown, unknown]>([
    // As go-cni writes them: struct fields without tags.
    [
      'portMappings',
      [{ HostPort: 80, ContainerPort: 8080, Protocol: 'tcp', HostIP: '' }],
      [{ hostPort: 80, containerPort: 8080, protocol: 'tcp', hostIP: '' }],
    ],
    [
      'bandwidth',
      { IngressRate: 1e6, IngressBurst: 4294967295, EgressRate: 0, EgressBurst: 0 },
      { ingressRate: 1e6, ingressBurst: 4294967295, egressRate: 0, egressBurst: 0 },
    ],
    [
      'dns',
      { Servers: ['10.0.0.10'], Searches: null, Options: ['ndots:5'] },
      { servers: ['10.0.0.10'], options: ['ndots:5'] },
    ],
    [
      'ipRanges',
      [[{ Subnet: '10.1.0.0/24', RangeStart: '10.1.0.9' }]],
      [[{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.9' }]],
    ],
    ['ips', ['10.1.0.2', 'fd00::2/64'], ['10.1.0.2', 'fd00::2/64']],
    ['mac', 'c2:11:22:33:44:55', 'c2:11:22:33:44:55'],
    ['aliases', ['a'], ['a']],
    ['cgroupPath', '/kubelet', '/kubelet'],
    ['deviceID', '0000:04:00.5', '0000:04:00.5'],
    ['infinibandGUID', 'c2:11:22:33:44:55:66:77', 'c2:11:22:33:44:55:66:77'],
    ['io.kubernetes.cri.pod-annotations', { a: 'b' }, { a: 'b' }],
  ])('CAP-2 to CAP-6: capability() returns %s with keys in any case', (name, value, expected) => {
    expect(capability(config({ [name]: value }), name)).toEqual(expected);
    expect(capability(config({ [name.toUpperCase()]: value }), name)).toEqual(expected);
    expect(capability(config({ [name]: null }), name)).toBeUndefined();
    expect(capability(config({}), name)).toBeUndefined();
    expect(capability(decodeNetworkConfig('{"name":"n"}'), name)).toBeUndefined();
  });
  test.each<[keyof RuntimeConfig & string, unknown, string]>([
    [
      'portMappings',
      [{ hostPort: 0, containerPort: 1 }],
      'portMappings[0].hostPort: expected at least 1, got 0',
    ],
    ['portMappings', [{ hostPort: 1 }], 'portMappings[0].containerPort: expected number, got nothing'],
    [
      'portMappings',
      [{ hostPort: 1, containerPort: 1, protocol: 'icmp' }],
      'expected tcp, udp or sctp, got "icmp"',
    ],
    ['bandwidth', { ingressRate: 1 }, 'bandwidth: expected rate and burst together'],
    ['ips', ['x'], 'ips[0]: expected an IP address, with or without prefix length, got "x"'],
    ['mac', 'zz', 'mac: expected a hardware address, such as c2:11:22:33:44:55, got "zz"'],
    ['ipRanges', [{ subnet: '10.1.0.0/24' }], 'ipRanges[0]: expected array, got an object'],
  ])('CAP-7: capability() refuses %s %j with code 7', (name, value, message) => {
    expect(() => capability(config({ [name]: value }), name)).toThrow(
      expect.objectContaining({ code: 7, message: expect.stringContaining(message) }),
    );
  });
  test('capability() does not validate other capabilities', () => {
    expect(capability(config({ mac: 'c2:11:22:33:44:55', ips: 7 }), 'mac')).toBe('c2:11:22:33:44:55');
  });
});

describe('normaliseKeys()', () => {
  test('normaliseKeys() returns lists that are deeper than any schema', () => {
    const deep = JSON.parse('['.repeat(1000) + ']'.repeat(1000));
    expect(JSON.stringify(normaliseKeys(deep, {}))).toBe(JSON.stringify(deep));
  });
  test('normaliseKeys() prefers the last spelling, keeps unknown keys and their order, and does not change its input', () => {
    const input = { b: 1, NAME: 'x', name: 'y', list: [{ ID: 1 }], keep: null, gone: null };
    const table = { name: null, list: { id: null }, keep: 'nullable', gone: null } as const;
    const before = JSON.stringify(input);
    expect(JSON.stringify(normaliseKeys(input, table))).toBe(
      '{"b":1,"name":"y","list":[{"id":1}],"keep":null}',
    );
    expect(JSON.stringify(input)).toBe(before);
  });
});
