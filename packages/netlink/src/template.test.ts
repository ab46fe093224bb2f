import { formatAddress, lastAddress, parsePrefix } from '@cnikit/ip';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newAddress } from './route/address.ts';
import { newLink, setLink } from './route/link-of-kind.ts';
import { newRoute } from './route/route.ts';
import { Template, type TemplateValues } from './template.ts';

const INDEX = 0x7d3c5a1e;
const parts = ({ type, flags, payload, describe }: ReturnType<typeof newAddress>) => ({
  type,
  flags,
  payload,
  describe,
});
const address = fc.ipV4();
const mac = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .map((bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(':'));
const index = fc.integer({ min: 1, max: 0x7fffffff });

function expectSame<V extends TemplateValues>(
  make: (values: V) => ReturnType<typeof newAddress>,
  example: V,
  values: { [K in keyof V]: fc.Arbitrary<V[K]> },
): void {
  const template = new Template(make, example);
  fc.assert(
    fc.property(fc.record(values) as fc.Arbitrary<V>, (one) => {
      expect(parts(template.fill(one))).toEqual(parts(make(one)));
    }),
  );
}

test('Template.fill() makes the request of an IPv4 address', () => {
  const prefix = fc.tuple(address, fc.integer({ min: 0, max: 32 })).map((pair) => pair.join('/'));
  expectSame(
    newAddress,
    { index: INDEX, address: '77.203.141.89/24', broadcast: '79.207.143.91' },
    { index, address: prefix, broadcast: address },
  );
});

test('Template.fill() makes the request of an IPv6 address', () => {
  const prefix = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })).map((pair) => pair.join('/'));
  expectSame(
    newAddress,
    { index: INDEX, address: 'd5c3:b197:8f7d:6b59:a7e2:c4f6:9db8:e3f1/64' },
    { index, address: prefix },
  );
});

test('Template.fill() makes the request of a route', () => {
  expectSame(
    ({ via, oif }) => newRoute({ dst: '0.0.0.0/0', via, oif }),
    { via: '77.203.141.89', oif: INDEX },
    { via: address, oif: index },
  );
});

test('Template.fill() makes the request of an address that follows from a MAC address', () => {
  const eui64 = (of: string) => {
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = of.split(':').map((byte) => Number.parseInt(byte, 16));
    const groups = [((a ^ 2) << 8) | b, (c << 8) | 0xff, 0xfe00 | d, (e << 8) | f];
    return `fe80::${groups.map((group) => group.toString(16)).join(':')}/64`;
  };
  expectSame(
    ({ index: of, mac: from }) => newAddress({ index: of, address: eui64(from), nodad: true }),
    { index: INDEX, mac: '7a:c5:3e:91:d4:e8' },
    { index, mac },
  );
});

test('Template.fill() makes the request of an address with its broadcast address', () => {
  const broadcastOf = (prefix: string) => {
    const { address: of, length } = parsePrefix(prefix)!;
    return length > 30 ? undefined : formatAddress(lastAddress({ address: of, length }));
  };
  const prefix = fc.tuple(address, fc.integer({ min: 0, max: 32 })).map((pair) => pair.join('/'));
  expectSame(
    (values) => newAddress({ ...values, broadcast: broadcastOf(values.address) }),
    { index: INDEX, address: '77.203.141.89/24' },
    { index, address: prefix },
  );
});

test('Template.fill() makes the request of a link', () => {
  expectSame(
    ({ name, mac: of, mtu }) => newLink({ kind: 'veth', name, mac: of, peer: { mtu } }),
    { name: 'hostend', mac: '7a:c5:3e:91:d4:e8', mtu: INDEX },
    { name: fc.stringMatching(/^[a-z]{7}$/), mac, mtu: index },
  );
});

const LINK = new Template(({ index: of, mac: to, newName }) => setLink({ index: of, mac: to, newName }), {
  index: INDEX,
  mac: '7a:c5:3e:91:d4:e8',
  newName: 'eth0',
});
const good = { index: 3, mac: '02:00:5e:10:00:01', newName: 'net1' };

/** Returns the payload of a request, or the error. A description would come from the function in both cases. */
function payloadOrError(make: () => ReturnType<typeof newAddress>): unknown {
  try {
    return make().payload;
  } catch (error) {
    return error;
  }
}

test.each([{ newName: 'net10' }, { newName: 'é2' }, { newName: 'é23' }])(
  'Template.fill() makes requests with a text of another size: %j',
  (change) => {
    const values = { ...good, ...change };
    expect(parts(LINK.fill(values))).toEqual(parts(setLink(values)));
  },
);

test.each([
  { index: 0 },
  { index: -1 },
  { index: 2 ** 31 },
  { index: 1.5 },
  { mac: '02:00:5e:10:00' },
  { mac: 'x' },
  { mac: '02:00:5e:10:00:0g' },
  { newName: 'a\0bc' },
])('Template.fill() treats %j as the function does', (change) => {
  const values = { ...good, ...change };
  expect(payloadOrError(() => LINK.fill(values))).toEqual(payloadOrError(() => setLink(values)));
});

test.each(['10.1.0.2', '10.1.0.2/', '10.1.0.2/33', '10.1.0.2/x', 'fd00::2/24', '/24'])(
  'Template.fill() treats the address %j as the function does',
  (text) => {
    const template = new Template(newAddress, { index: INDEX, address: '77.203.141.89/24' });
    const values = { index: 3, address: text };
    expect(payloadOrError(() => template.fill(values))).toEqual(payloadOrError(() => newAddress(values)));
  },
);

test('Template.fill() makes independent requests', () => {
  const [first, second] = [LINK.fill({ ...good, index: 3 }), LINK.fill({ ...good, index: 4 })];
  expect([first.payload[4], second.payload[4]]).toEqual([3, 4]);
});

test('new Template() refuses an example whose value the request does not have', () => {
  expect(() => new Template(() => setLink({ index: 3, up: true }), { index: 7 })).toThrow(
    'The request has no index 7',
  );
});
