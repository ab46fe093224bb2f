/** Named objects, dynamic sets, labels and devices, as `nft` lists and reloads them. */
import { CLONE_NEWNET, sys } from '@cnikit/sys';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as expr from '../src/netfilter/expr.ts';
import * as nft from '../src/nftables.ts';
import { live, run } from './live.ts';

const inTable = { family: 'inet', table: 't' } as const;
const rule = (...expressions: nft.Expression[][]) =>
  nft.newRule({ ...inTable, chain: 'c', expressions: expressions.flat() });

live('Objects of nftables on a kernel', () => {
  let connection: nft.NftConnection;
  beforeEach(() => {
    sys.unshare(CLONE_NEWNET);
    connection = nft.openNftables();
  });
  afterEach(() => connection.close());

  const base = [
    nft.newTable({ family: 'inet', name: 't' }),
    nft.newChain({ ...inTable, name: 'c', hook: { type: 'filter', hook: 'prerouting', priority: -300 } }),
    nft.newCounter({ ...inTable, name: 'hits' }),
    nft.newQuota({ ...inTable, name: 'volume', bytes: 5 * 1024 * 1024, over: true }),
    nft.newLimit({ ...inTable, name: 'slow', rate: 5, per: 'minute' }),
    nft.newSet({
      ...{ ...inTable, name: 'seen', key: 'ipv4_addr', id: 1 },
      ...{ flags: nft.NFT_SET_EVAL, timeout: 60_000 },
    }),
  ];
  const statements: [text: string, expressions: nft.Expression[]][] = [
    ['notrack', expr.notrack()],
    ['counter name "hits"', expr.useObject('counter', 'hits')],
    ['quota name "volume"', expr.useObject('quota', 'volume')],
    ['limit name "slow"', expr.useObject('limit', 'slow')],
    ['quota over 5 mbytes', expr.quota(5 * 1024 * 1024, { over: true })],
    ['ct label set 3', expr.setConnectionLabel(3)],
    ['ct label set 127', expr.setConnectionLabel(127)],
    ['ct label 3 drop', [...expr.hasConnectionLabel(3), ...expr.drop()]],
    ['ct label 70 drop', [...expr.hasConnectionLabel(70), ...expr.drop()]],
    ['ct count over 20 drop', [...expr.connectionCount(20, { over: true }), ...expr.drop()]],
    ['ct count 20 drop', [...expr.connectionCount(20), ...expr.drop()]],
    ['add @seen { ip saddr }', expr.updateSet(['ip saddr'], 'seen')],
    [
      'update @seen { ip saddr timeout 5s }',
      expr.updateSet(['ip saddr'], 'seen', { op: 'update', timeout: 5000 }),
    ],
    ['delete @seen { ip saddr }', expr.updateSet(['ip saddr'], 'seen', { op: 'delete' })],
  ];

  /** nft must list the text, and load its own listing. */
  function listed(): string {
    const listing = run('nft -nn list ruleset');
    run('nft -f -', `flush ruleset\n${listing}`);
    expect(run('nft -nn list ruleset')).toBe(listing);
    return listing;
  }

  test.each(statements)('newRule() makes the rule that nft lists as `%s`', (text, expressions) => {
    connection.commit([...base, rule(expressions)]);
    expect(listed()).toContain(`\t\t${text}`);
    const [decoded] = connection.rules(inTable);
    connection.commit([rule(decoded!.expressions as nft.Expression[])]);
    expect(connection.rules(inTable).map(({ expressions: all }) => all)).toEqual([
      decoded!.expressions,
      decoded!.expressions,
    ]);
  });

  test('namedObjects() returns counters, quotas and limits, and resets them', () => {
    connection.commit([
      ...base,
      nft.newCounter({ ...inTable, name: 'old', bytes: 7, packets: 2 }),
      nft.newTable({ family: 'ip', name: 'other' }),
      nft.newCounter({ family: 'ip', table: 'other', name: 'x' }),
    ]);
    const find = (name: string) => nft.namedObjects(connection, inTable).find((one) => one.name === name);
    expect(find('old')).toMatchObject({ ...inTable, type: 'counter', counter: { bytes: 7, packets: 2 } });
    expect(find('volume')).toMatchObject({ type: 'quota', quota: { bytes: 5 * 1024 * 1024, flags: 1 } });
    expect(find('slow')).toMatchObject({ type: 'limit', limit: { rate: 5, unit: 60, burst: 5, type: 0 } });
    expect(nft.namedObjects(connection)).toHaveLength(5);
    nft.namedObjects(connection, { reset: true });
    expect(find('old')?.counter).toEqual({ bytes: 0, packets: 0 });
    connection.commit([nft.delObject({ ...inTable, name: 'old', type: 'counter' })]);
    expect(find('old')).toBeUndefined();
    expect(() => nft.newCounter({ ...inTable, name: 'a b' })).toThrow(/counter/);
  });

  test('decodeOther() returns the fields of decoded expressions', () => {
    connection.commit([...base, rule(expr.updateSet(['ip saddr'], 'seen', { op: 'update', timeout: 5000 }))]);
    const [{ expressions }] = connection.rules(inTable) as [nft.NftRule];
    expect(nft.decodeOther(expressions.at(-1)!)).toMatchObject({
      ...{ kind: 'dynset', set: 'seen', op: 'update', sregKey: 1, timeout: 5000 },
    });
    expect(nft.decodeOther(expressions[0]!)).toBeUndefined();
  });

  test('chains() returns the devices of chains of family netdev', () => {
    const hook = { type: 'filter', hook: 'ingress', priority: 0 } as const;
    connection.commit([
      nft.newTable({ family: 'netdev', name: 'n' }),
      nft.newChain({ family: 'netdev', table: 'n', name: 'one', hook: { ...hook, device: 'lo' } }),
    ]);
    expect(connection.chains({ family: 'netdev' })).toMatchObject([
      { name: 'one', hook: { type: 'filter', hook: 0, priority: 0, device: 'lo' } },
    ]);
    run('ip link add d0 type ifb');
    const two = { ...hook, devices: ['lo', 'd0'] };
    connection.commit([nft.newChain({ family: 'netdev', table: 'n', name: 'two', hook: two })]);
    expect(connection.chain({ family: 'netdev', table: 'n', name: 'two' })?.hook?.devices?.sort()).toEqual([
      'd0',
      'lo',
    ]);
  });

  test('snapshot() reads again when a transaction came between', () => {
    connection.commit(base);
    let readings = 0;
    const before = nft.generation(connection);
    const { generation, value } = nft.snapshot(connection, () => {
      if (++readings === 1) {
        connection.commit([nft.newChain({ ...inTable, name: 'late' })]);
      }
      return connection.chains(inTable).map(({ name }) => name);
    });
    expect([readings, value]).toEqual([2, ['c', 'late']]);
    expect(generation).toBe(before + 1);
    let n = 0;
    const change = () => connection.commit([nft.newChain({ ...inTable, name: `n${++n}` })]);
    expect(() => nft.snapshot(connection, change, { attempts: 3 })).toThrow(/during each of 3 readings/);
  });
});
