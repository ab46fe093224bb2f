import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeCanonicalResult } from './convert.ts';
import {
  convertResult,
  decodeResult,
  encodeResult,
  type Result,
  resultFamily,
  supportedVersions,
  type Version,
} from './index.ts';

const v4 = fc
  .tuple(...[1, 2, 3, 4].map(() => fc.integer({ min: 0, max: 255 })))
  .map((bytes) => bytes.join('.'));
const v6 = fc.integer({ min: 1, max: 0xffff }).map((n) => `fd00::${n.toString(16)}`);
const cidr = fc.oneof(
  fc.tuple(v4, fc.integer({ min: 0, max: 32 })).map(([ip, n]) => `${ip}/${n}`),
  fc.tuple(v6, fc.integer({ min: 0, max: 128 })).map(([ip, n]) => `${ip}/${n}`),
);
const positive = fc.integer({ min: 1, max: 70000 });
const word = fc.constantFrom('a', 'eth0', '/run/netns/x', '02:00:00:00:00:01');
const record = <T extends Record<string, fc.Arbitrary<unknown>>>(
  shape: T,
  requiredKeys: (keyof T & string)[],
) => fc.record(shape, { requiredKeys }) as fc.Arbitrary<never>;
const list = (element: fc.Arbitrary<unknown>) => fc.array(element, { minLength: 1, maxLength: 3 });
const dns = { nameservers: list(v4), domain: word, search: list(word), options: list(word) };
const result: fc.Arbitrary<Result> = record(
  {
    interfaces: list(
      record({ name: word, mac: word, mtu: positive, sandbox: word, socketPath: word, pciID: word }, [
        'name',
      ]),
    ),
    ips: list(
      record({ address: cidr, gateway: fc.oneof(v4, v6), interface: fc.integer({ min: 0, max: 2 }) }, [
        'address',
      ]),
    ),
    routes: list(
      record(
        {
          dst: cidr,
          gw: fc.oneof(v4, v6),
          mtu: positive,
          advmss: positive,
          priority: positive,
          table: fc.nat(),
          scope: fc.nat(255),
        },
        ['dst'],
      ),
    ),
    dns: record(dns, ['domain']),
  },
  [],
);
const version = fc.constantFrom(...supportedVersions);
const stripped = (document: object) => ({ ...document, cniVersion: undefined });
const convert = (document: unknown, from: Version, to: Version) => convertResult(document, from, to).document;

describe('convertResult() on random results', () => {
  test('convertResult() loses nothing within 1.x, and only the listed keys on conversion to 0.4.0', () => {
    fc.assert(
      fc.property(result, (value) => {
        expect(stripped(decodeResult(encodeResult(value, '1.0.0')))).toEqual(value);
        const { document, lost } = convertResult(value, '1.1.0', '0.4.0');
        const back = structuredClone(value);
        for (const one of back.interfaces ?? []) {
          delete one.mtu;
          delete one.socketPath;
          delete one.pciID;
        }
        expect(stripped(decodeResult(document))).toEqual(back);
        expect(lost.length === 0).toBe(JSON.stringify(back) === JSON.stringify(value));
      }),
    );
  });
  test('convertResult() is idempotent', () => {
    fc.assert(
      fc.property(result, version, version, (value, from, to) => {
        const source = attempt(() => encodeResult(value, from));
        if (!source) {
          return;
        }
        const once = attempt(() => convert(source, from, to));
        if (!once) {
          expect(resultFamily(to)).toBe('0.2');
          return;
        }
        expect(convert(once, to, to)).toEqual(once);
        expect(JSON.parse(JSON.stringify(once))).toEqual(once);
      }),
    );
  });
  test('convertResult() converts 0.2.0 to any version and back without loss', () => {
    fc.assert(
      fc.property(result, version, (value, to) => {
        const source = attempt(() => encodeResult(value, '0.2.0'));
        if (source) {
          expect(convert(convert(source, '0.2.0', to), to, '0.2.0')).toEqual(source);
        }
      }),
    );
  });
  test('convertResult() converts arbitrary input or throws a CniError', () => {
    fc.assert(
      fc.property(fc.anything(), version, version, (value, from, to) => {
        try {
          convert(value, from, to);
        } catch (error) {
          expect(error).toMatchObject({ name: 'CniError' });
        }
      }),
    );
  });
});

test('encodeCanonicalResult() writes the bytes of encodeResult() for results as decodeResult() returns them', () => {
  fc.assert(
    fc.property(result, version, version, (value, from, to) => {
      const source = attempt(() => encodeResult(value, from));
      if (!source) {
        return;
      }
      const canonical = decodeResult(source);
      const write = (encode: typeof encodeCanonicalResult) =>
        attempt(() => JSON.stringify(encode(canonical, to)));
      expect(write(encodeCanonicalResult)).toBe(write(encodeResult));
    }),
  );
});

function attempt<T>(body: () => T): T | undefined {
  try {
    return body();
  } catch {
    return undefined;
  }
}

test('encodeCanonicalResult() leaves out empty lists and what is empty in dns', () => {
  const empty = { interfaces: [], ips: [], routes: [], dns: { nameservers: [], domain: '', search: ['a'] } };
  expect(JSON.stringify(encodeCanonicalResult(empty, '1.1.0'))).toBe(
    '{"cniVersion":"1.1.0","dns":{"search":["a"]}}',
  );
});
