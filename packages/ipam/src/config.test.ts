import { describe, expect, test } from 'vitest';
import { splitCniArgs } from './cni-args.ts';
import { parseDataDir, parseIpamConfig } from './config.ts';
import { rangeSetText } from './range.ts';
import { parseResolvConf } from './resolv-conf.ts';

const SUBNET = { subnet: '10.1.2.0/24' };

/** Returns a network configuration with an ipam section and further keys. */
function config(ipam: object, more: object = {}): object {
  return { cniVersion: '1.0.0', name: 'n', type: 'bridge', ipam: { type: 'host-local', ...ipam }, ...more };
}

describe('parseIpamConfig()', () => {
  test('parseIpamConfig() returns runtime ranges first, then the old form, then ranges', () => {
    const { rangeSets } = parseIpamConfig(
      config(
        { ...SUBNET, ranges: [[{ subnet: 'fd00::/64' }]] },
        { runtimeConfig: { ipRanges: [[{ subnet: '10.5.0.0/24' }]] } },
      ),
    );
    expect(rangeSets.map(rangeSetText)).toEqual([
      '10.5.0.1-10.5.0.254',
      '10.1.2.1-10.1.2.254',
      'fd00::1-fd00::ffff:ffff:ffff:ffff',
    ]);
  });

  test('parseIpamConfig() matches keys in any case, and the last of several wins', () => {
    const parsed = parseIpamConfig({
      CNIVERSION: '1.0.0',
      Ipam: { SUBNET: '10.9.0.0/24', subnet: '10.1.2.0/24', RangeStart: '10.1.2.9', DataDir: '/d' },
      RuntimeConfig: { IPS: ['10.1.2.20/24'] },
    });
    expect(parsed).toMatchObject({ dataDir: '/d', requested: ['10.1.2.20'] });
    expect(rangeSetText(parsed.rangeSets[0]!)).toBe('10.1.2.9-10.1.2.254');
  });

  test('parseIpamConfig() reads no field of a key __proto__', () => {
    const text =
      '{"ipam": {"__proto__": {"subnet": "10.9.0.0/24"}, "Ranges": [[{"subnet": "10.1.2.0/24"}]]}}';
    expect(parseIpamConfig(JSON.parse(text)).rangeSets.map(rangeSetText)).toEqual(['10.1.2.1-10.1.2.254']);
  });

  test('parseIpamConfig() ignores null, and a bound of the old form without a subnet', () => {
    const parsed = parseIpamConfig(
      config({ subnet: null, rangeStart: '10.9.9.9', ranges: [[SUBNET]], routes: null, dataDir: null }),
    );
    expect(parsed).toMatchObject({ routes: [], requested: [] });
    expect(parsed.dataDir).toBeUndefined();
  });

  test('parseIpamConfig() collects requested addresses from all three places in order', () => {
    const parsed = parseIpamConfig(
      config(SUBNET, {
        args: { cni: { ips: ['10.1.2.4/24'] } },
        runtimeConfig: { ips: ['10.1.2.5', 'fd00::5/64'] },
      }),
      { args: splitCniArgs('IgnoreUnknown=1;K8S_POD_NAME=web;IP=::ffff:10.1.2.3') },
    );
    expect(parsed.requested).toEqual(['10.1.2.3', '10.1.2.4', '10.1.2.5', 'fd00::5']);
  });

  test('parseIpamConfig() reads routes', () => {
    const { routes } = parseIpamConfig(
      config({
        ...SUBNET,
        routes: [
          { dst: '0.0.0.0/0' },
          { dst: 'FD00::5/64', GW: 'fd00:0::1', mtu: 1400, table: 0, advmss: null, priority: 0 },
        ],
      }),
    );
    expect(routes).toEqual([{ dst: '0.0.0.0/0' }, { dst: 'fd00::5/64', gw: 'fd00::1', mtu: 1400, table: 0 }]);
  });

  test.each(['0.3.0', '0.4.0', '1.0.0', '1.1.0'])(
    'parseIpamConfig() accepts two sets of a family for %s',
    (cniVersion) => {
      const ranges = [[SUBNET], [{ subnet: '10.1.3.0/24' }]];
      expect(parseIpamConfig(config({ ranges }, { cniVersion })).rangeSets).toHaveLength(2);
    },
  );

  test.each(['', '0.1.0', '0.2.0'])(
    'parseIpamConfig() refuses two sets of a family for %j but accepts dual stack',
    (cniVersion) => {
      const ranges = [[SUBNET], [{ subnet: '10.1.3.0/24' }]];
      expect(() => parseIpamConfig(config({ ranges }, { cniVersion }))).toThrow(
        `CNI version ${cniVersion} does not support more than 1 address per family`,
      );
      const dual = [[SUBNET], [{ subnet: 'fd00::/64' }]];
      expect(parseIpamConfig(config({ ranges: dual }, { cniVersion })).rangeSets).toHaveLength(2);
    },
  );

  test('parseDataDir() reads the directory of a configuration whose ranges are invalid', () => {
    expect(parseDataDir(config({ subnet: 'banana', dataDir: '/run/x' }))).toBe('/run/x');
    expect(parseDataDir(config({ dataDir: '' }))).toBeUndefined();
    expect(() => parseDataDir({})).toThrow("IPAM config missing 'ipam' key");
    expect(() => parseDataDir(config({ dataDir: 5 }))).toThrow('ipam.dataDir must be a string, not number');
  });

  test.each<[string, unknown]>([
    ['The network configuration must be an object, not array', []],
    ["IPAM config missing 'ipam' key", { ipam: null }],
    ["IPAM config missing 'ipam' key", {}],
    ['ipam must be an object, not string', { ipam: 'host-local' }],
    ['no IP ranges specified', config({})],
    ['invalid CIDR address: ', config({ subnet: '' })],
    ['ipam.subnet must be a string, not number', config({ subnet: 5 })],
    ['ipam.ranges must be an array, not number', config({ ranges: 5 })],
    ['ipam.ranges[0] must be an array of ranges', config({ ranges: [SUBNET] })],
    ['ipam.ranges[0][0] must be an object, not string', config({ ranges: [['10.0.0.0/8']] })],
    ['ipam.ranges[0][0] must be an object, not array', config({ ranges: [[[SUBNET]]] })],
    ['ipam.ranges[0][0].rangeEnd must be a string, not number', config({ ranges: [[{ RANGEEND: 5 }]] })],
    [
      'ipam.ranges[0][1].gateway must be a string, not boolean',
      config({ ranges: [[SUBNET, { gateway: true }]] }),
    ],
    [
      'runtimeConfig.ipRanges must be an array, not object',
      config(SUBNET, { runtimeConfig: { ipRanges: {} } }),
    ],
    [
      'runtimeConfig.ips must be an array, not string',
      config(SUBNET, { runtimeConfig: { ips: '10.1.2.3' } }),
    ],
    ['args.cni.ips must be an array, not string', config(SUBNET, { args: { cni: { ips: '10.1.2.3' } } })],
    ['invalid IP address banana', config(SUBNET, { runtimeConfig: { ips: ['banana'] } })],
    ['invalid IP address 10.1.2.5/33', config(SUBNET, { args: { cni: { ips: ['10.1.2.5/33'] } } })],
    ['invalid IP address 5', config(SUBNET, { args: { cni: { ips: [5] } } })],
    ['invalid CIDR address: x', config({ ...SUBNET, routes: [{ dst: 'x' }] })],
    ['invalid CIDR address: ', config({ ...SUBNET, routes: [{}] })],
    ['invalid IP address: y', config({ ...SUBNET, routes: [{ dst: '1.1.1.1/32', gw: 'y' }] })],
    [
      'ipam.routes[0].mtu must be an integer of at least 0, not -1',
      config({ ...SUBNET, routes: [{ dst: '1.1.1.1/32', mtu: -1 }] }),
    ],
    ['cniVersion must be a string, not number', config(SUBNET, { cniVersion: 1 })],
  ])('parseIpamConfig() throws "%s"', (message, conf) => {
    expect(() => parseIpamConfig(conf)).toThrow(
      expect.objectContaining({ message, code: 'CONFIG', cniCode: 7 }),
    );
  });
});

describe('CNI_ARGS', () => {
  test.each<[string, string]>([
    ['ARGS: invalid pair "IP"', 'IP'],
    ['ARGS: invalid pair ""', 'IP=;;'],
    ['ARGS: invalid pair "IP=1.2.3.4=5"', 'IP=1.2.3.4=5'],
    ['ARGS: unknown args ["A=1" "B=2"]', 'A=1;B=2'],
    ['ARGS: unknown args ["A=1"]', 'A=1;IgnoreUnknown=0'],
    [
      'ARGS: error parsing value of pair "IgnoreUnknown=yes": boolean unmarshal error: invalid input yes',
      'IgnoreUnknown=yes',
    ],
    ['ARGS: error parsing value of pair "IP=banana": invalid IP address banana', 'IP=banana'],
  ])('parseIpamConfig() throws "%s"', (message, text) => {
    expect(() => parseIpamConfig(config(SUBNET), { args: splitCniArgs(text) })).toThrow(
      expect.objectContaining({ message, code: 'ARGS', cniCode: 4 }),
    );
  });

  test.each(['', 'IP=', 'IgnoreUnknown=TRUE;A=1', 'IgnoreUnknown=1;A='])(
    'parseIpamConfig() accepts "%s"',
    (text) => {
      expect(parseIpamConfig(config(SUBNET), { args: splitCniArgs(text) }).requested).toEqual([]);
    },
  );

  test('parseIpamConfig() accepts the CNI_ARGS keys that its caller knows', () => {
    expect(() =>
      parseIpamConfig(config(SUBNET), { args: { MAC: '02:00:00:00:00:01' }, knownArgs: ['MAC'] }),
    ).not.toThrow();
  });
});

describe('parseResolvConf()', () => {
  test('parseResolvConf() reads the keywords that host-local reads', () => {
    const text =
      'nameserver 1.1.1.1\n# c\n; d\n search a b\nsearch c\noptions ndots:5 x\ndomain foo\ndomain bar\r\nnameserver\tfd00::1\nnameserver\n';
    expect(parseResolvConf(text)).toEqual({
      nameservers: ['1.1.1.1', 'fd00::1'],
      domain: 'bar',
      search: ['a', 'b', 'c'],
      options: ['ndots:5', 'x'],
    });
  });

  test('parseResolvConf() returns an empty object for an empty file', () => {
    expect(parseResolvConf('')).toEqual({});
  });
});
