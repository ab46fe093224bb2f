import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commands, compare } from '../test/model.ts';
import { type AddRequest, Ipam, memoryStore, type Owner, type Store } from './index.ts';

const RANGE = [[{ subnet: '10.1.2.0/24' }]];
const DUAL = [[{ subnet: '10.1.2.0/24' }], [{ subnet: 'fd00::/64' }]];
const owner = (containerID: string, ifName = 'eth0') => ({ containerID, ifName });

describe('Ipam.add()', () => {
  test('Ipam.add() returns one address of each set, round robin', () => {
    const ipam = new Ipam({ rangeSets: DUAL, store: memoryStore() });
    expect(ipam.add(owner('a'))).toEqual({
      ips: [
        { address: '10.1.2.2/24', gateway: '10.1.2.1' },
        { address: 'fd00::2/64', gateway: 'fd00::1' },
      ],
    });
    ipam.del(owner('a'));
    expect(ipam.add(owner('b')).ips[0]!.address).toBe('10.1.2.3/24');
  });

  test('Ipam.add() agrees with the model for random users of a pool', () => {
    fc.assert(
      fc.property(commands, (history) => {
        const store = memoryStore();
        compare(history, [store]);
      }),
      { numRuns: 500 },
    );
  });

  // Messages of host-local 1.1.1.
  test.each<[string, string, string[]]>([
    ['UNAVAILABLE', 'failed to allocate all requested IPs: 10.9.1.2 10.9.1.3', ['10.9.1.2', '10.9.1.3']],
    ['UNAVAILABLE', 'failed to allocate all requested IPs: 10.1.2.5', ['10.1.2.4', '10.1.2.5']],
    [
      'UNAVAILABLE',
      "failed to allocate for range 0: requested ip 10.1.2.1 is subnet's gateway",
      ['10.1.2.1'],
    ],
    [
      'UNAVAILABLE',
      'failed to allocate for range 0: requested IP address 10.1.2.2 is not available in range set 10.1.2.1-10.1.2.254',
      ['10.1.2.2'],
    ],
    [
      'DUPLICATE',
      'failed to allocate for range 0: 10.1.2.2 has been allocated to a, duplicate allocation is not allowed',
      [],
    ],
  ])('Ipam.add() throws %s: %s', (code, message, requested) => {
    const store = memoryStore();
    const ipam = new Ipam({ rangeSets: RANGE, store });
    ipam.add(owner('a'));
    const before = store.list();
    expect(() => ipam.add({ ...owner('a'), requested })).toThrow(
      expect.objectContaining({ code, message, cniCode: 999 }),
    );
    expect(store.list()).toEqual(before);
  });

  test('Ipam.add() names the exhausted set and reserves nothing', () => {
    const ipam = new Ipam({
      rangeSets: [...RANGE, [{ subnet: 'fd00::/126', rangeEnd: 'fd00::2' }]],
      store: memoryStore(),
    });
    ipam.add(owner('a'));
    expect(() => ipam.add(owner('b'))).toThrow(
      expect.objectContaining({
        code: 'EXHAUSTED',
        message: 'failed to allocate for range 1: no IP addresses available in range set: fd00::1-fd00::2',
      }),
    );
    expect(ipam.list().reservations).toHaveLength(2);
  });

  test('Ipam.add() reserves a requested address although the attachment holds another, as host-local does', () => {
    const ipam = new Ipam({ rangeSets: RANGE, store: memoryStore() });
    ipam.add(owner('a'));
    expect(ipam.add({ ...owner('a'), requested: ['10.1.2.9/24'] }).ips[0]!.address).toBe('10.1.2.9/24');
    expect(ipam.del(owner('a'))).toEqual(['10.1.2.2', '10.1.2.9']);
  });

  test.each([
    ['', 'eth0'],
    ['-a', 'eth0'],
    ['a/b', 'eth0'],
    ['../a', 'eth0'],
    ['a\n', 'eth0'],
    ['é1', 'eth0'],
    ['a', ''],
    ['a', '..'],
    ['a', 'a b'],
    ['a', 'a/b'],
    ['a', 'a:b'],
    ['a', 'sixteen-letters-'],
    ['a', 'ääääääää'],
    ['a', '\u2003'],
  ])('Ipam.add(), del(), held() and check() refuse the owner %j %j', (containerID, ifName) => {
    const ipam = new Ipam({ rangeSets: RANGE, store: memoryStore() });
    for (const verb of ['add', 'del', 'check'] as const) {
      expect(() => ipam[verb]({ containerID, ifName })).toThrow(
        expect.objectContaining({ code: 'OWNER', cniCode: 4 }),
      );
    }
  });

  test('Ipam.add() frees its reservations when the store fails, and throws the first error', () => {
    const store = memoryStore();
    const failing: Store = {
      ...store,
      reserve(address, claim, set) {
        if (set === 1) {
          throw new Error('disk full');
        }
        return store.reserve(address, claim, set);
      },
    };
    expect(() => new Ipam({ rangeSets: DUAL, store: failing }).add(owner('a'))).toThrow('disk full');
    expect(store.list().reservations).toEqual([]);
    const hopeless: Store = {
      ...failing,
      release() {
        throw new Error('worse');
      },
    };
    expect(() => new Ipam({ rangeSets: DUAL, store: hopeless }).add(owner('a'))).toThrow('disk full');
  });

  test('Ipam.add() lists the taken addresses instead of trying thousands of them', () => {
    const store = memoryStore();
    for (let i = 0; i < 60_000; i++) {
      store.reserve(`10.1.${i >> 8}.${i & 255}`, owner(`x${i}`), 9);
    }
    let attempts = 0;
    const counting: Store = {
      ...store,
      reserve: (...args) => {
        attempts++;
        return store.reserve(...args);
      },
    };
    const ipam = new Ipam({ rangeSets: [[{ subnet: '10.1.0.0/16' }]], store: counting });
    expect(ipam.add(owner('a')).ips[0]!.address).toBe('10.1.234.96/16');
    expect(attempts).toBeLessThan(10);
    attempts = 0;
    expect(ipam.add(owner('b')).ips[0]!.address).toBe('10.1.234.97/16');
    expect(attempts).toBe(1);
  });

  test('Ipam.add() retries after the store has reclaimed an address', () => {
    const store = memoryStore();
    store.reserve('10.1.2.2', owner('ghost'), 9);
    const reclaiming: Store = { ...store, reclaim: () => store.release('10.1.2.2', owner('ghost')) };
    const ipam = new Ipam({ rangeSets: [[{ subnet: '10.1.2.0/30' }]], store: reclaiming });
    expect(ipam.add(owner('a')).ips[0]!.address).toBe('10.1.2.2/30');
    expect(() => ipam.add(owner('b'))).toThrow(expect.objectContaining({ code: 'EXHAUSTED' }));
  });
});

describe('Ipam.check()', () => {
  const ipam = new Ipam({ rangeSets: RANGE, store: memoryStore() });
  ipam.add(owner('a'));

  test.each([[undefined], [[]], [['10.1.2.2/24']], [['10.1.2.2', 'fd00::9/64']]])(
    'Ipam.check() accepts an attachment that holds %j',
    (addresses) => {
      expect(() => ipam.check({ ...owner('a'), ...(addresses ? { addresses } : {}) })).not.toThrow();
    },
  );

  test('Ipam.check() throws NOT_FOUND for an unknown attachment', () => {
    expect(() => ipam.check(owner('b'))).toThrow(
      expect.objectContaining({
        code: 'NOT_FOUND',
        message: 'host-local: Failed to find address added by container b',
      }),
    );
  });

  test('Ipam.check() throws NOT_FOUND for an address that the attachment does not hold', () => {
    expect(() => ipam.check({ ...owner('a'), addresses: ['10.1.2.3/24'] })).toThrow(
      'Address 10.1.2.3/24 is not reserved for container a, which holds 10.1.2.2',
    );
  });
});

test.each<[string, (typo: object) => unknown]>([
  ['new Ipam()', (typo) => new Ipam({ store: memoryStore(), ...typo })],
  ['memoryStore()', (typo) => memoryStore(typo)],
  [
    'Ipam.add()',
    (typo) => new Ipam({ rangeSets: RANGE, store: memoryStore() }).add({ ...owner('a'), ...typo }),
  ],
  ['Ipam.check()', (typo) => new Ipam({ store: memoryStore() }).check({ ...owner('a'), ...typo })],
  ['Ipam.gc()', (typo) => new Ipam({ store: memoryStore() }).gc([], typo)],
])('%s refuses an unknown key and names those it knows', (_, call) => {
  expect(() => call({ typo: 1 })).toThrow(expect.objectContaining({ name: 'IpamError', code: 'CONFIG' }));
  expect(() => call({ typo: 1 })).toThrow(/^Unknown key "typo" in \w+: expected \w+/);
});

describe('Ipam.gc()', () => {
  test.each([['a'], [{ containerID: 'a', ifname: 'eth0' }], [null]])(
    'Ipam.gc() refuses the attachment %j, and frees nothing',
    (attachment) => {
      const ipam = new Ipam({ rangeSets: [[{ subnet: '10.1.2.0/29' }]], store: memoryStore() });
      ipam.add({ containerID: 'a', ifName: 'eth0' });
      expect(() => ipam.gc([attachment as unknown as Owner])).toThrow(/expected \{ containerID, ifName \}/);
      expect(ipam.list().reservations).toHaveLength(1);
    },
  );

  test('Ipam.add() and Ipam.del() name a missing owner or a requested address that is not in a list', () => {
    const ipam = new Ipam({ rangeSets: [[{ subnet: '10.1.2.0/29' }]], store: memoryStore() });
    const wrong = { ...owner('a'), requested: '10.1.2.3' } as unknown as AddRequest;
    expect(() => ipam.add(wrong)).toThrow('requested is "10.1.2.3": expected a list of addresses');
    expect(() => ipam.add({ containerID: 'a' } as Owner)).toThrow(/Invalid interface name undefined/);
    expect(() => ipam.del('a' as unknown as Owner)).toThrow(/Invalid container ID undefined/);
  });

  test('Ipam.gc() frees invalid attachments by container and interface, if older than `before`', () => {
    let now = 1000;
    const ipam = new Ipam({ rangeSets: RANGE, store: memoryStore({ now: () => now++ }) });
    for (const [id, ifName] of [
      ['a', 'eth0'],
      ['a', 'net1'],
      ['b', 'eth0'],
      ['c', 'eth0'],
    ] as const) {
      ipam.add(owner(id, ifName));
    }
    const { freed, problems } = ipam.gc([owner('a')], { before: 1003 });
    expect(freed.map(({ address }) => address)).toEqual(['10.1.2.3', '10.1.2.4']);
    expect(problems).toEqual([]);
    expect(ipam.gc([]).freed.map(({ containerID }) => containerID)).toEqual(['a', 'c']);
    expect(ipam.gc([])).toEqual({ freed: [], failed: [], problems: [] });
  });

  test('Ipam.gc() keeps a reservation without interface name while its container has an attachment', () => {
    const store = memoryStore();
    store.reserve('10.1.2.2', owner('a', ''), 0);
    store.reserve('10.1.2.3', owner('b', ''), 0);
    const ipam = new Ipam({ rangeSets: RANGE, store });
    expect(ipam.gc([owner('a', 'net7')]).freed.map(({ containerID }) => containerID)).toEqual(['b']);
  });

  test('Ipam.gc() continues after a failure and reports it', () => {
    const store = memoryStore();
    const ipam = new Ipam({
      rangeSets: RANGE,
      store: {
        ...store,
        release(address, holder) {
          if (address === '10.1.2.2') {
            throw new Error('stuck');
          }
          return store.release(address, holder);
        },
      },
    });
    ipam.add(owner('a'));
    ipam.add(owner('b'));
    const { freed, failed } = ipam.gc([]);
    expect(freed.map(({ containerID }) => containerID)).toEqual(['b']);
    expect(failed).toEqual([{ name: '10.1.2.2', message: 'stuck' }]);
  });
});

describe('Ipam.leaks() and Ipam.status()', () => {
  test('Ipam.leaks() returns the reservations that are not alive and changes nothing', () => {
    const ipam = new Ipam({ rangeSets: RANGE, store: memoryStore() });
    ipam.add(owner('a'));
    ipam.add(owner('b'));
    expect(ipam.leaks(({ containerID }) => containerID === 'a')).toEqual([
      { address: '10.1.2.3', containerID: 'b', ifName: 'eth0' },
    ]);
    expect(ipam.list().reservations).toHaveLength(2);
  });

  test('Ipam.status() counts addresses by range set', () => {
    const store = memoryStore();
    const ipam = new Ipam({ rangeSets: [[{ subnet: '10.1.2.0/29' }], [{ subnet: 'fd00::/64' }]], store });
    for (const id of ['a', 'b', 'c', 'd']) {
      ipam.add(owner(id));
    }
    store.reserve('10.1.2.1', owner('gateway'), 9);
    store.reserve('192.0.2.1', owner('elsewhere'), 9);
    const { sets, full } = ipam.status();
    expect(sets[0]).toEqual({ ranges: '10.1.2.1-10.1.2.6', total: 5, used: 4, free: 1 });
    expect(sets[1]).toMatchObject({ used: 4, free: expect.any(Number) });
    expect(full).toBe(false);
    ipam.add(owner('e'));
    expect(ipam.status().full).toBe(true);
  });
});
