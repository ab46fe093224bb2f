/** Messages of WireGuard against the layout of linux/wireguard.h, and against a kernel in memory. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBase64, toBase64 } from '../src/codec/base64.ts';
import { type ByteOrder, payloadOf, readU32 } from '../src/codec/bytes.ts';
import { Encoder, NLA_F_NESTED } from '../src/codec/encoder.ts';
import type { MessageReader } from '../src/codec/message.ts';
import { type Answer, fakePeer } from '../src/testing.ts';
import {
  decodeDevice,
  mergeDevice,
  NO_KEY,
  openWireGuard,
  setDevice,
  type WireGuardDevice,
  type WireGuardDeviceSpec,
  type WireGuardPeer,
  type WireGuardPeerSpec,
} from '../src/wireguard.ts';
import * as any from './arbitraries.ts';
import { fromHex, toHex } from './golden.ts';

const FAMILY = 33;
const keyOf = (byte: number): string => toBase64(new Uint8Array(32).fill(byte));
const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => toBase64(bytes));
const networks = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`);

const k = (byte: string): string => byte.repeat(32);
const NESTED = NLA_F_NESTED;

/** An attribute in hexadecimal, with length and padding. */
function attribute(type: number, ...parts: string[]): string {
  const value = parts.join('');
  const bytes = new Encoder()
    .putU16(4 + value.length / 2)
    .putU16(type)
    .finish();
  return toHex(bytes) + value.padEnd((value.length + 7) & ~7, '0');
}

describe('base64', () => {
  test('fromBase64() returns what toBase64() encoded, like Buffer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const text = toBase64(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64'));
        expect(fromBase64(text)).toEqual(bytes);
      }),
    );
  });

  test.each([
    'A',
    'AA',
    'AA=',
    'AB==',
    'AAA',
    'AAB=',
    'AA===',
    '====',
    'AA==AAAA',
    'AA-_',
    ' AAAA',
    'AAAA\n',
  ])('fromBase64() refuses %j', (text) => expect(fromBase64(text)).toBeUndefined());
});

describe('messages of WireGuard', () => {
  test('setDevice() writes the layout of the kernel header', () => {
    const [request, ...more] = setDevice(
      {
        name: 'wg0',
        replacePeers: true,
        privateKey: keyOf(1),
        listenPort: 51820,
        fwmark: 0x10,
        peers: [
          {
            publicKey: keyOf(2),
            presharedKey: keyOf(3),
            endpoint: { address: '192.0.2.1', port: 51820 },
            persistentKeepalive: 25,
            replaceAllowedIps: true,
            allowedIps: ['10.0.0.0/8', 'fd00::1'],
          },
          { publicKey: keyOf(4), remove: true },
        ],
      },
      FAMILY,
    );
    expect(more).toEqual([]);
    expect(request).toMatchObject({ type: FAMILY, flags: 0, describe: 'set WireGuard device wg0' });
    const peer = attribute(
      NESTED,
      attribute(1, k('02')),
      attribute(3, '02000000'),
      attribute(2, k('03')),
      attribute(4, '0200', 'ca6c', 'c0000201', '0000000000000000'),
      attribute(5, '1900'),
      attribute(
        9 | NESTED,
        attribute(NESTED, attribute(1, '0200'), attribute(2, '0a000000'), attribute(3, '08')),
        attribute(NESTED, attribute(1, '0a00'), attribute(2, `fd${'00'.repeat(14)}01`), attribute(3, '80')),
      ),
    );
    const removed = attribute(NESTED, attribute(1, k('04')), attribute(3, '01000000'));
    expect(toHex(request!.payload)).toBe(
      [
        '01010000',
        attribute(2, '77673000'),
        attribute(5, '01000000'),
        attribute(3, k('01')),
        attribute(6, '6cca'),
        attribute(7, '10000000'),
        attribute(8 | NESTED, peer, removed),
      ].join(''),
    );
  });

  test('decodeDevice() reads the layout of the kernel header', () => {
    const peer = attribute(
      NESTED,
      attribute(1, k('02')),
      attribute(2, k('00')),
      attribute(5, '0000'),
      attribute(6, 'e803000000000000', '80b2e60e00000000'),
      attribute(7, '0500000000000000'),
      attribute(8, 'ffffffffffffffff'),
      attribute(4, '0a00', 'ca6c', '00000000', `fe80${'00'.repeat(13)}01`, '03000000'),
      attribute(10, '01000000'),
    );
    const settings = [attribute(6, '6cca'), attribute(7, '00000000'), attribute(1, '07000000')];
    const bytes = fromHex(
      ['00010000', ...settings, attribute(2, '77673000'), attribute(8 | NESTED, peer)].join(''),
    );
    expect(decodeDevice(payloadOf(bytes))).toEqual({
      index: 7,
      name: 'wg0',
      listenPort: 51820,
      fwmark: 0,
      peers: [
        {
          publicKey: keyOf(2),
          persistentKeepalive: 0,
          lastHandshake: new Date(1_000_250),
          rxBytes: 5,
          txBytes: 2n ** 64n - 1n,
          endpoint: { address: 'fe80::1', port: 51820, scopeId: 3 },
          protocolVersion: 1,
          allowedIps: [],
        },
      ],
    });
  });

  const peer = fc.record(
    {
      publicKey: key,
      presharedKey: key.filter((text) => text !== NO_KEY),
      endpoint: fc.oneof(
        fc.record({ address: any.ipv4, port: any.u16 }),
        fc.record(
          {
            address: any.ipv6,
            port: any.u16,
            scopeId: any.index,
            flowInfo: fc.integer({ min: 1, max: 0xffffffff }),
          },
          { requiredKeys: ['address', 'port'] },
        ),
      ),
      persistentKeepalive: any.u16,
      allowedIps: fc.array(any.prefix, { maxLength: 600 }),
    },
    { requiredKeys: ['publicKey', 'allowedIps'] },
  );

  test.each(['little', 'big'] as ByteOrder[])('setDevice() decodes to its input, %s endian', (order) => {
    const spec = fc.record(
      {
        index: any.index,
        privateKey: key,
        listenPort: any.u16,
        fwmark: any.u32,
        peers: fc.uniqueArray(peer, { selector: ({ publicKey }) => publicKey, maxLength: 4 }),
      },
      { requiredKeys: ['index', 'peers'] },
    );
    fc.assert(
      fc.property(spec, (it) => {
        const requests = setDevice(it as WireGuardDeviceSpec, FAMILY, order);
        const parts = requests.map(({ payload }) => decodeDevice(payloadOf(payload, order)));
        const device = mergeDevice(parts)!;
        // The flag of peers that continue.
        for (const one of device.peers) {
          expect(one.unknown).toBeUndefined();
        }
        expect(device).toEqual(it);
      }),
      { numRuns: 100 },
    );
  });

  test.each<[Partial<WireGuardDeviceSpec>, RegExp]>([
    [{ name: '' }, /by name or by a positive index/],
    [{ index: 0 }, /by name or by a positive index/],
    [{ name: 'a-name-of-20-bytes-xx' }, /longer than 15 bytes/],
    [
      { privateKey: 'secret' },
      /^privateKey is not a key: use 44 characters of base64, as `wg genkey` prints$/,
    ],
    [{ privateKey: `${keyOf(7).slice(0, -2)}d=` }, /^privateKey is not a key/],
    [{ listenPort: 65536 }, /listenPort \(WGDEVICE_A_LISTEN_PORT\): 65536 is out of range/],
    [{ peers: {} as [] }, /peers is not an array/],
    [{ peers: [{ publicKey: '' }] }, /^peers\[0\]\.publicKey is not a key/],
    [{ peers: [{} as WireGuardPeerSpec] }, /^peers\[0\]\.publicKey is not a key/],
    [{ peers: [{ publicKey: keyOf(1), presharedKey: 'x' }] }, /^peers\[0\]\.presharedKey is not a key/],
    [
      { peers: [{ publicKey: keyOf(1), allowedIps: ['10.0.0.0/33'] }] },
      /^peers\[0\]\.allowedIps\[0\] "10\.0\.0\.0\/33"/,
    ],
    [
      { peers: [{ publicKey: keyOf(1), allowedIps: '10.0.0.0/8' as never }] },
      /^peers\[0\]\.allowedIps is not an array/,
    ],
    [
      { peers: [{ publicKey: keyOf(1), endpoint: { address: 'host', port: 1 } }] },
      /^peers\[0\]\.endpoint\.address "host"/,
    ],
    [
      { peers: [{ publicKey: keyOf(1), endpoint: { address: '10.0.0.1', port: 65536 } }] },
      /endpoint\.port 65536/,
    ],
    [
      { peers: [{ publicKey: keyOf(1), endpoint: { address: '10.0.0.1', port: 1, scopeId: 2 } }] },
      /only IPv6 has/,
    ],
    [{ unknown: [{ type: 9, nested: false, data: new Uint8Array() }] }, /cannot be encoded: number 9/],
  ])('setDevice() refuses %j', (spec, message) => {
    expect(() => setDevice({ name: 'wg0', ...spec }, FAMILY)).toThrow(message);
  });
});

/** A kernel with the device wg0, which applies WG_CMD_SET_DEVICE and splits answers as Linux does. */
function fakeKernel({ missing = false } = {}) {
  let peers: WireGuardPeer[] = [];
  const sizes: number[] = [];
  let lookups = 0;
  const flagsOf = (unknown: WireGuardDevice['unknown'], type: number): number => {
    const found = unknown?.find((one) => one.type === type);
    return found === undefined ? 0 : readU32(found.data, 0, true);
  };
  const set = (message: MessageReader): void => {
    sizes.push(message.end - message.start);
    const change = decodeDevice(message);
    if (flagsOf(change.unknown, 5) === 1) {
      peers = [];
    }
    for (const { unknown, ...peer } of change.peers) {
      const flags = flagsOf(unknown, 3);
      const old = peers.find(({ publicKey }) => publicKey === peer.publicKey);
      if ((flags & 1) !== 0) {
        peers = peers.filter((one) => one !== old);
      } else if (old !== undefined) {
        const kept = (flags & 2) === 0 ? old.allowedIps : [];
        Object.assign(old, peer, { allowedIps: [...kept, ...peer.allowedIps] });
      } else if ((flags & 4) === 0) {
        peers.push(peer);
      }
    }
  };
  const get = (answer: Answer): void => {
    const part = (list: { publicKey: string; allowedIps: string[] }[]): void => {
      const [{ payload } = { payload: new Uint8Array() }] = setDevice({ name: 'wg0', peers: list }, FAMILY);
      answer.message(FAMILY, payload, { flags: 2 });
    };
    const MANY = 50;
    part([]);
    for (const peer of peers) {
      part([{ ...peer, allowedIps: peer.allowedIps.slice(0, MANY) }]);
      for (let at = MANY; at < peer.allowedIps.length; at += MANY) {
        part([{ publicKey: peer.publicKey, allowedIps: peer.allowedIps.slice(at, at + MANY) }]);
      }
    }
    answer.done();
  };
  const { sys } = fakePeer((message, answer) => {
    if (message.type === 16) {
      lookups++;
      if (missing) {
        answer.ack(2);
        return;
      }
      answer.message(16, new Encoder().putU32(0x0101).u16(1, FAMILY).string(2, 'wireguard').finish());
      answer.ack();
    } else if (message.bytes[message.start] === 1) {
      set(message);
    } else {
      get(answer);
    }
  });
  return { sys, sizes, peers: () => peers, lookups: () => lookups };
}

describe('WireGuard over a kernel in memory', () => {
  test('setDevice() splits 20,000 allowed IPs over messages, and device() merges the answers', () => {
    const kernel = fakeKernel();
    using wireGuard = openWireGuard({ sys: kernel.sys });
    const many = networks(20_000);
    wireGuard.setDevice({
      name: 'wg0',
      replacePeers: true,
      peers: [
        { publicKey: keyOf(1), presharedKey: keyOf(9), allowedIps: ['fd00::/64'] },
        { publicKey: keyOf(2), persistentKeepalive: 25, allowedIps: many },
        { publicKey: keyOf(3), allowedIps: ['fd01::/64'] },
      ],
    });
    expect(kernel.sizes.length).toBeGreaterThan(20);
    expect(Math.max(...kernel.sizes)).toBeLessThan(17_000);
    expect(wireGuard.device({ name: 'wg0' })!.peers).toEqual([
      { publicKey: keyOf(1), presharedKey: keyOf(9), allowedIps: ['fd00::/64'] },
      { publicKey: keyOf(2), persistentKeepalive: 25, allowedIps: many },
      { publicKey: keyOf(3), allowedIps: ['fd01::/64'] },
    ]);
    // Adds without removing the others.
    wireGuard.setDevice({ name: 'wg0', peers: [{ publicKey: keyOf(1), allowedIps: many }] });
    expect(kernel.peers()[0]!.allowedIps).toEqual(['fd00::/64', ...many]);
    wireGuard.setDevice({
      name: 'wg0',
      peers: [{ publicKey: keyOf(2), replaceAllowedIps: true, allowedIps: many.slice(0, 5000) }],
    });
    expect(kernel.peers()[1]!.allowedIps).toEqual(many.slice(0, 5000));
    expect(kernel.lookups()).toBe(1);
  });

  test('setDevice() neither adds a peer with updateOnly nor a removed one when it splits', () => {
    const kernel = fakeKernel();
    using wireGuard = openWireGuard({ sys: kernel.sys });
    const allowedIps = networks(2000);
    wireGuard.setDevice({ name: 'wg0', peers: [{ publicKey: keyOf(1), updateOnly: true, allowedIps }] });
    expect(kernel.peers()).toEqual([]);
    wireGuard.setDevice({ name: 'wg0', peers: [{ publicKey: keyOf(1), allowedIps }] });
    wireGuard.setDevice({ name: 'wg0', peers: [{ publicKey: keyOf(1), remove: true, allowedIps }] });
    expect(kernel.peers()).toEqual([]);
    const peers = Array.from({ length: 300 }, (_, i) => ({ publicKey: keyOf(i & 255), allowedIps: [] }));
    wireGuard.setDevice({ name: 'wg0', replacePeers: true, peers });
    expect(wireGuard.device({ name: 'wg0' })!.peers).toHaveLength(256);
  });

  test('openWireGuard() works without WireGuard in the kernel, and reports it on use', () => {
    using wireGuard = openWireGuard({ sys: fakeKernel({ missing: true }).sys });
    expect(wireGuard.supported).toBe(false);
    expect(() => wireGuard.device({ name: 'wg0' })).toThrow(/has no WireGuard .*modprobe wireguard.*ENOENT/);
    expect(() => wireGuard.setDevice({ name: 'wg0' })).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  });

  test('decodeDevice() refuses an endpoint of an unknown address family', () => {
    const body = new Encoder().putU32(0x0100);
    const [list, peer] = [body.nest(8 | NLA_F_NESTED), body.nest(NLA_F_NESTED)];
    body.raw(4, new Uint8Array(28).fill(7)).end(peer).end(list);
    expect(() => decodeDevice(payloadOf(body.finish()))).toThrow(/WGPEER_A_ENDPOINT.*unknown address family/);
  });
});
