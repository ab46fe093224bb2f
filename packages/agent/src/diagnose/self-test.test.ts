import { describe, expect, test } from 'vitest';
import type { NodeRoute, TestedState } from '../core/model.ts';
import { node } from '../testing/nodes.ts';
import { createSelfTest, type Packet } from './self-test.ts';

const routes = (count: number): Map<string, NodeRoute> =>
  new Map(
    Array.from({ length: count }, (_, i) => {
      const dst = `10.${i >> 8}.${i & 255}.0/24`;
      return [dst, { dst, via: '192.0.2.2', oif: 2, dev: 'eth0' }];
    }),
  );

test('createSelfTest() tests a bounded number of routes per pass, and all of them in turn', () => {
  const asked: string[] = [];
  const selfTest = createSelfTest(({ dst }) => {
    asked.push(dst);
    return { via: '192.0.2.2', oif: 2 };
  });
  const all = routes(150);
  for (const expected of [64, 128, 192]) {
    expect(selfTest({ routes: all })).toEqual([]);
    expect(asked).toHaveLength(expected);
  }
  expect(new Set(asked).size).toBe(150);
  expect(asked[0]).toBe('10.0.0.1');
  expect(selfTest({ routes: new Map() })).toEqual([]);
});

test.each([
  ['another gateway', () => ({ via: '192.0.2.9', oif: 2 }), /10.0.0.1 goes via 192.0.2.9 on link #2/],
  ['another link', () => ({ oif: 7 }), /10.0.0.1 goes without a gateway on link #7/],
  ['nowhere', () => undefined, /goes without a gateway/],
  [
    'an error',
    () => {
      throw new Error('ENETUNREACH: no route');
    },
    /dev eth0: ENETUNREACH: no route/,
  ],
])('createSelfTest() reports %s and tests the same routes again', (_, answer, reason) => {
  let right = false;
  const selfTest = createSelfTest(() => (right ? { via: '192.0.2.2', oif: 2 } : answer()));
  expect(selfTest({ routes: routes(3) })).toMatchObject([
    { kind: 'self-test', message: expect.stringMatching(reason) },
  ]);
  right = true;
  expect(selfTest({ routes: routes(3) })).toEqual([]);
});

test('createSelfTest() finds the node unusable only when packets take no route of a family', () => {
  const all = routes(3);
  all.set('fd00::/64', { dst: 'fd00::/64', via: '192.0.2.2', oif: 2, dev: 'eth0' });
  const astray = new Set<string>();
  const selfTest = createSelfTest(({ dst }) => ({ via: '192.0.2.2', oif: astray.has(dst) ? 7 : 2 }));
  const kinds = (state: Partial<TestedState> = {}) =>
    selfTest({ routes: all, ...state }).map(({ kind, message }) => `${kind}: ${message.split(',')[0]}`);
  astray.add('10.0.0.1').add('10.0.2.1');
  expect(kinds()).toEqual(['diverted-packets: Packets do not take 2 of 4 tested routes']);
  expect(kinds({ isShadowed: (dst) => dst === '10.0.2.0/24' })).toEqual([
    'diverted-packets: Packets do not take 1 of 3 tested routes',
  ]);
  expect(kinds({ isShadowed: () => true })).toEqual([]);
  astray.add('fd00::1');
  expect(kinds()).toEqual(['self-test: Packets do not take 3 of 4 tested routes']);
});

test('createSelfTest() looks at more routes of a family before it finds the node unusable', () => {
  const all = routes(63);
  for (const dst of ['fd00::/64', 'fd00:0:0:1::/64']) {
    all.set(dst, { dst, via: '192.0.2.2', oif: 2, dev: 'eth0' });
  }
  const astray = new Set(['fd00::1']);
  const selfTest = createSelfTest(({ dst }) => ({ via: '192.0.2.2', oif: astray.has(dst) ? 7 : 2 }));
  expect(selfTest({ routes: all })).toMatchObject([{ kind: 'diverted-packets' }]);
  astray.add('fd00:0:0:1::1');
  expect(selfTest({ routes: all })).toMatchObject([{ kind: 'self-test' }]);
});

test('createSelfTest() reports an address of this node inside a podCIDR, which stops no other pods', () => {
  const selfTest = createSelfTest(() => ({ oif: 1 }));
  const state = { routes: routes(1), isLocal: (address: string) => address === '10.0.0.1' };
  expect(selfTest(state)).toMatchObject([
    {
      kind: 'diverted-packets',
      message: expect.stringContaining('10.0.0.1 goes without a gateway on link #1'),
    },
  ]);
});

describe('createSelfTest() with pods', () => {
  const route = { dst: '10.244.2.0/24', via: '192.0.2.2', oif: 2, dev: 'eth0' };
  const local = new Set(['192.0.2.1', '10.244.1.1']);
  const state = {
    routes: new Map([[route.dst, route]]),
    own: node(1),
    bridge: 3,
    isLocal: (address: string) => local.has(address),
  };
  const right = ({ dst }: Packet) =>
    dst.startsWith('10.244.1.') ? { oif: 3 } : { via: route.via, oif: route.oif };

  test('createSelfTest() asks for each kind of packet as it goes', () => {
    const asked: Packet[] = [];
    const selfTest = createSelfTest((packet) => {
      asked.push(packet);
      return right(packet);
    });
    expect(selfTest(state)).toEqual([]);
    expect(asked).toEqual([
      { dst: '10.244.2.1' },
      { dst: '10.244.2.1', src: '192.0.2.1' },
      { dst: '10.244.2.1', src: '10.244.1.2', iif: 3 },
      { dst: '10.244.1.2', src: '10.244.2.2', iif: 2 },
    ]);
  });

  test.each([
    [
      'a rule for the address of this node',
      ({ src }: Packet) => src === '192.0.2.1',
      /^Packets with the address of this node as source do not take 1 of 1 .*10.244.2.1 goes via 192.0.2.9 on link #2/,
    ],
    [
      'a rule for packets from the bridge',
      ({ iif }: Packet) => iif === 3,
      /^Packets of pods on this node do not take 1 of 1 .*10.244.2.0\/24 via 192.0.2.2 dev eth0: 10.244.2.1 goes via/,
    ],
    [
      'a rule for packets from other nodes',
      ({ iif }: Packet) => iif === 2,
      /^Packets from pods on other nodes to pods on this node do not .*10.244.2.2 on eth0: 10.244.1.2 goes via/,
    ],
  ])('createSelfTest() reports %s', (_, applies, message) => {
    const selfTest = createSelfTest((packet) =>
      applies(packet) ? { via: '192.0.2.9', oif: 2 } : right(packet),
    );
    expect(selfTest(state)).toMatchObject([
      { kind: 'diverted-packets', message: expect.stringMatching(message) },
    ]);
  });

  test('createSelfTest() asks for packets of a routed pod by its link, until the pod ends', () => {
    const routedPods = { ipv4: { address: '10.244.1.9', link: 7 } };
    const asked: Packet[] = [];
    const link = { index: 7 };
    const selfTest = createSelfTest((packet) => {
      asked.push(packet);
      return packet.dst === '10.244.1.9' ? { oif: link.index } : right(packet);
    });
    const pass = (): Packet[] => {
      asked.length = 0;
      expect(selfTest({ ...state, bridge: undefined, routedPods })).toEqual([]);
      return asked.filter(({ iif }) => iif !== undefined);
    };
    expect(pass()).toEqual([
      { dst: '10.244.2.1', src: '10.244.1.9', iif: 7 },
      { dst: '10.244.1.9', src: '10.244.2.2', iif: 2 },
    ]);
    link.index = 8;
    expect(pass()).toEqual([]);
  });

  test('createSelfTest() reports only the routes when all packets are diverted', () => {
    expect(createSelfTest(() => undefined)(state)).toMatchObject([{ kind: 'self-test' }]);
  });

  test('createSelfTest() asks for no packet whose source this node lacks', () => {
    local.clear();
    const asked: Packet[] = [];
    createSelfTest((packet) => {
      asked.push(packet);
      return right(packet);
    })(state);
    expect(asked).toEqual([{ dst: '10.244.2.1' }]);
  });
});
