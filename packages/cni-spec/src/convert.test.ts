import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { CniError, convertResult, decodeResult, encodeResult, supportedVersions } from './index.ts';

interface Vector {
  name: string;
  from: string;
  to: string;
  input: unknown;
  expected: unknown;
}

const folder = new URL('../testdata/convert/', import.meta.url);
const vectors = readdirSync(folder).map(
  (file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Vector,
);

describe('convertResult()', () => {
  test('The golden vectors of convertResult() exist', () => {
    expect(vectors).toHaveLength(22);
  });
  test.each(vectors)(
    'convertResult() matches the reference library: $name',
    ({ from, to, input, expected }) => {
      if (expected === null) {
        expect(() => convertResult(input, from, to)).toThrow(CniError);
      } else {
        expect(convertResult(input, from, to).document).toEqual(expected);
      }
    },
  );
  test('convertResult() does not change its input', () => {
    for (const { from, to, input, expected } of vectors) {
      if (expected === null) {
        continue;
      }
      const before = JSON.stringify(input);
      convertResult(input, from, to);
      expect(JSON.stringify(input)).toBe(before);
    }
  });
  test('convertResult() lists what is lost', () => {
    const rich = {
      interfaces: [{ name: 'eth0', mtu: 1450, pciID: '0000:04:00.5' }],
      ips: [{ address: '10.7.0.5/24', interface: 0 }, { address: '10.8.0.5/24' }],
      routes: [{ dst: '0.0.0.0/0', mtu: 1400 }, { dst: '::/0' }],
    };
    expect(convertResult(rich, '1.1.0', '1.0.0').lost).toEqual([]);
    expect(convertResult(rich, '1.1.0', '0.4.0').lost).toEqual(['interfaces[0].mtu', 'interfaces[0].pciID']);
    expect(convertResult(rich, '1.1.0', '0.2.0').lost).toEqual([
      'interfaces',
      'ips[0].interface',
      'ips[1]',
      'routes[0].mtu',
      'routes[1]',
    ]);
  });
});

describe('decodeResult()', () => {
  test('decodeResult() accepts text or a value with its own cniVersion', () => {
    const expected = { cniVersion: '1.1.0', ips: [{ address: '10.1.0.2/24' }] };
    expect(decodeResult('{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.1.0.2/24"}]}')).toEqual(
      expected,
    );
    expect(decodeResult({ ip4: { ip: '10.1.0.2/24' } })).toEqual(expected);
    expect(decodeResult({ ips: [{ address: '10.1.0.2/24' }] }, '1.0.0')).toEqual(expected);
  });
  test('decodeResult() matches keys in any case and treats null as absent', () => {
    expect(
      decodeResult({
        CNIVersion: '1.0.0',
        IPs: [{ Address: '10.1.0.2/24', gateway: null }],
        routes: null,
        dns: null,
      }),
    ).toEqual({
      cniVersion: '1.1.0',
      ips: [{ address: '10.1.0.2/24' }],
    });
  });
  test.each([
    ['an empty version', { cniVersion: '' }, 6],
    ['an unknown version', { cniVersion: '2.0.0' }, 1],
    ['a number for a version', { cniVersion: 1 }, 6],
    ['an address without prefix', { cniVersion: '1.0.0', ips: [{ address: '10.1.0.2' }] }, 6],
    ['an interface of 1.5', { cniVersion: '1.0.0', ips: [{ address: '10.1.0.2/24', interface: 1.5 }] }, 6],
    ['a list', [], 6],
    ['invalid JSON', '{', 6],
  ])('decodeResult() refuses %s', (_name, value, code) => {
    expect(() => decodeResult(value)).toThrow(expect.objectContaining({ name: 'CniError', code }));
  });
  test('decodeResult() names the path of the invalid value', () => {
    expect(() =>
      decodeResult({ cniVersion: '1.0.0', ips: [{ address: '10.1.0.2/24' }, { address: '10.1.0.3' }] }),
    ).toThrow(
      'Cannot decode the result: ips[1].address: expected an address with a prefix length, such as 10.1.0.5/24, got "10.1.0.3"',
    );
  });
});

describe('encodeResult()', () => {
  test.each([...supportedVersions])(
    'encodeResult() encodes a %s document that decodes to the same result',
    (version) => {
      const result = {
        ips: [{ address: '10.1.0.2/24', gateway: '10.1.0.1' }],
        routes: [{ dst: '0.0.0.0/0' }],
      };
      const document = encodeResult(result, version);
      expect(document.cniVersion).toBe(version);
      expect(decodeResult(document)).toEqual({ cniVersion: '1.1.0', ...result });
    },
  );
  test('encodeResult() refuses 0.2.0 without an address, with the message of libcni', () => {
    expect(() => encodeResult({}, '0.2.0')).toThrow('cannot convert: no valid IP addresses');
  });
  test('encodeResult() refuses a malformed result', () => {
    expect(() => encodeResult({ ips: [{ address: 'x' }] }, '1.0.0')).toThrow(
      expect.objectContaining({ code: 6 }),
    );
  });
});
