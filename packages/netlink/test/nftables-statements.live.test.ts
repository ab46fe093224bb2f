import { release } from 'node:os';
import { CLONE_NEWNET, sys } from '@cnikit/sys';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as expr from '../src/netfilter/expr.ts';
import * as nft from '../src/nftables.ts';
import { live, run } from './live.ts';

const table = { family: 'inet', name: 't' } as const;
const inTable = { family: 'inet', table: 't' } as const;
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const rule = (chain: string, ...expressions: nft.Expression[][]) =>
  nft.newRule({ ...inTable, chain, expressions: expressions.flat() });
const set = (name: string, key: nft.SetSpec['key'], id: number, rest: Partial<nft.SetSpec> = {}) =>
  nft.newSet({ ...inTable, name, key, id, ...rest });

const [major, minor] = release().split('.').map(Number) as [number, number];
const destroys = major > 6 || (major === 6 && minor >= 3);

live('Statements of nftables on a kernel', () => {
  let connection: nft.NftConnection;
  beforeEach(() => {
    sys.unshare(CLONE_NEWNET);
    connection = nft.openNftables();
  });
  afterEach(() => connection.close());

  const base = [
    nft.newTable(table),
    nft.newChain({ ...inTable, name: 'open' }),
    nft.newChain({ ...inTable, name: 'c', hook: { type: 'filter', hook: 'forward', priority: 0 } }),
    nft.newChain({ ...inTable, name: 'n', hook: { type: 'nat', hook: 'postrouting', priority: 100 } }),
    set('pods4', 'ipv4_addr', 1),
    set('pods6', 'ipv6_addr', 2),
    set('ends', ['ipv4_addr', 'inet_service'], 3),
    set('out4', 'ipv4_addr', 4, { data: 'verdict' }),
    set('__set%d', 'inet_service', 5, { flags: nft.NFT_SET_ANONYMOUS | nft.NFT_SET_CONSTANT }),
    nft.newElements({ ...inTable, name: '__set%d', setId: 5 }, [
      { key: bytes(0, 80) },
      { key: bytes(1, 0xbb) },
    ]),
  ];
  const statements: [text: string, expressions: nft.Expression[]][] = [
    ['ip saddr @pods4 accept', [...expr.lookup(['ip saddr'], 'pods4'), ...expr.accept()]],
    ['ip6 daddr != @pods6 drop', [...expr.lookup(['ip6 daddr'], 'pods6', { not: true }), ...expr.drop()]],
    [
      'ip daddr . tcp dport @ends accept',
      [...expr.protocol('tcp'), ...expr.lookup(['ip daddr', 'th dport'], 'ends'), ...expr.accept()],
    ],
    ['ip saddr vmap @out4', expr.verdictMap(['ip saddr'], 'out4')],
    [
      'tcp dport { 80, 443 } accept',
      [...expr.protocol('tcp'), ...expr.lookup(['th dport'], '__set%d', { setId: 5 }), ...expr.accept()],
    ],
    [
      'udp dport 8000-8080 accept',
      [...expr.protocol('udp'), ...expr.destinationPortRange(8000, 8080), ...expr.accept()],
    ],
    [
      'tcp dport != 1-1024 accept',
      [...expr.protocol('tcp'), ...expr.destinationPortRange(1, 1024, { not: true }), ...expr.accept()],
    ],
    ['ip saddr 10.0.0.1-10.0.0.9 drop', [...expr.sourceRange('10.0.0.1', '10.0.0.9'), ...expr.drop()]],
    [
      'ip daddr != 10.0.0.1-10.0.0.9 drop',
      [...expr.destinationRange('10.0.0.1', '10.0.0.9', { not: true }), ...expr.drop()],
    ],
    ['ip6 saddr fd00::1-fd00::9 drop', [...expr.sourceRange('fd00::1', 'fd00::9'), ...expr.drop()]],
    ['fib saddr . iif oif missing drop', [...expr.sourceUnroutable(), ...expr.drop()]],
    ['fib saddr oifname "veth*" drop', [...expr.sourceRoutedTo('veth*'), ...expr.drop()]],
    ['fib saddr type local drop', [...expr.fromLocal(), ...expr.drop()]],
    ['icmpv6 type 133-137 accept', [...expr.icmpv6Type(133, 137), ...expr.accept()]],
    ['icmpv6 type echo-request accept', [...expr.icmpv6Type(128), ...expr.accept()]],
    ['ct mark & 0x00000100 == 0x00000100 drop', [...expr.hasConnectionMarkBits(0x100), ...expr.drop()]],
    ['ct mark set ct mark | 0x00000100', expr.setConnectionMarkBits(0x100)],
    [
      'limit rate 10/minute burst 7 packets log prefix "denied: " group 5 snaplen 64',
      [
        ...expr.limit({ rate: 10, per: 'minute', burst: 7 }),
        ...expr.log({ prefix: 'denied: ', group: 5, snaplen: 64 }),
      ],
    ],
    ['log prefix "kernel"', expr.log({ prefix: 'kernel' })],
    [
      'limit rate over 10 kbytes/second drop',
      [...expr.limit({ rate: 10_240, of: 'bytes', over: true }), ...expr.drop()],
    ],
    ['reject', expr.reject()],
    ['reject with icmpx admin-prohibited', expr.reject('admin-prohibited')],
    ['meta l4proto tcp reject with tcp reset', [...expr.protocol('tcp'), ...expr.reject('tcp-reset')]],
  ];
  const commitAll = () =>
    connection.commit([
      ...base,
      ...statements.map(([, expressions]) => rule('c', expressions)),
      rule('n', expr.source('10.0.0.0/8'), expr.snat({ address: '192.0.2.1' })),
      rule('n', expr.protocol('tcp'), expr.snat({ address: 'fd00::1', port: 99 })),
    ]);

  test('commit() creates matches, limits, logs and marks that `nft` lists and loads again', () => {
    commitAll();
    const lines = run('nft -n list chain inet t c')
      .split('\n')
      .map((line) => line.trim());
    const named = run('nft list chain inet t c')
      .split('\n')
      .map((line) => line.trim());
    expect(named.slice(3, 3 + statements.length)).toEqual(statements.map(([text]) => text));
    expect(lines).toHaveLength(named.length);
    const nat = run('nft list chain inet t n');
    expect(nat).toContain('ip saddr 10.0.0.0/8 snat ip to 192.0.2.1');
    expect(nat).toContain('snat ip6 to [fd00::1]:99');

    const listed = run('nft list ruleset');
    const dumped = connection.rules(inTable);
    connection.commit([nft.delTable(table)]);
    run('nft -f -', listed);
    expect(run('nft list ruleset')).toBe(listed);
    const again = connection.rules(inTable);
    const names = (rules: typeof again) => rules.map((one) => one.expressions.map(({ name }) => name));
    expect(names(again)).toEqual(names(dumped));
  });

  test('lookup() with bytes in its key matches only the elements with these bytes', () => {
    const members = { ...inTable, name: 'members' };
    const loopback = bytes(127, 0, 0, 1);
    const chain = { ...inTable, chain: 'in' };
    const accepting = (selector: number) =>
      nft.newRule({
        ...chain,
        expressions: [
          ...expr.lookup([bytes(0, 0, 0, selector), 'ip saddr'], 'members'),
          ...expr.counter(),
          ...expr.accept(),
        ],
      });
    connection.commit([
      nft.newTable(table),
      nft.newChain({ ...inTable, name: 'in', hook: { type: 'filter', hook: 'input', priority: 0 } }),
      nft.newSet({ ...members, key: ['mark', 'ipv4_addr'] }),
      nft.newElements(members, [{ key: bytes(0, 0, 0, 7, ...loopback) }]),
      accepting(6),
      accepting(7),
    ]);
    run('ip link set lo up');
    run('ping -c 1 -W 5 127.0.0.1');
    const packets = connection
      .rules(chain)
      .map(
        ({ expressions }) => expressions.flatMap((one) => (one.name === 'counter' ? [one.packets] : []))[0],
      );
    expect(packets).toEqual([0, 2]);
  });

  test('newElements() and delElements() split what exceeds one message, in one transaction', () => {
    const members = { ...inTable, name: 'pods4' };
    const elements = Array.from({ length: 20_000 }, (_, index) => ({
      key: bytes(10, index >> 16, index >> 8, index),
      comment: index % 100 === 0 ? `pod ${index}` : undefined,
    })).map(({ key, comment }) => (comment === undefined ? { key } : { key, comment }));
    connection.commit([nft.newTable(table), set('pods4', 'ipv4_addr', 1)]);
    connection.commit([nft.newElements(members, elements)]);
    expect(connection.elements(members)).toHaveLength(20_000);
    const [first, last] = [elements[0]!, elements.at(-1)!];
    const refused = () =>
      connection.commit([
        nft.newChain({ ...inTable, name: 'other' }),
        nft.delElements(members, [...elements, last]),
        nft.delElements(members, [first]),
      ]);
    expect(refused).toThrow(expect.objectContaining({ code: 'ENOENT', index: 1 }));
    expect(connection.chains(inTable)).toEqual([]);
    expect(connection.elements(members)).toHaveLength(20_000);
    connection.commit([nft.delElements(members, elements)]);
    expect(connection.elements(members)).toEqual([]);
  });

  test.skipIf(!destroys)('Deletions with `ifExists` accept objects that do not exist (Linux 6.3)', () => {
    const members = { ...inTable, name: 'pods4' };
    const [one, two] = [{ key: bytes(10, 0, 0, 1) }, { key: bytes(10, 0, 0, 2) }];
    connection.commit([
      nft.delTable({ ...table, ifExists: true }),
      nft.newTable(table),
      set('pods4', 'ipv4_addr', 1),
      nft.newElements(members, [one]),
      nft.delElements({ ...members, ifExists: true }, [two, one]),
      nft.delChain({ ...inTable, name: 'none', ifExists: true }),
      nft.delSet({ ...inTable, name: 'none', ifExists: true }),
    ]);
    expect(connection.elements(members)).toEqual([]);
    connection.commit([nft.delTable({ ...table, ifExists: true })]);
    expect(connection.tables()).toEqual([]);
  });
});
