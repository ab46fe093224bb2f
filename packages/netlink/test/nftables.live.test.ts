import { CLONE_NEWNET, sys } from '@cnikit/sys';
import { afterEach, beforeEach, expect, test } from 'vitest';
import * as expr from '../src/netfilter/expr.ts';
import { getRules } from '../src/netfilter/rule.ts';
import * as nft from '../src/nftables.ts';
import { live, run } from './live.ts';

const table = { family: 'inet', name: 't' } as const;
const inTable = { family: 'inet', table: 't' } as const;
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

live('nftables on a kernel', () => {
  let connection: nft.NftConnection;
  beforeEach(() => {
    sys.unshare(CLONE_NEWNET);
    connection = nft.openNftables();
  });
  afterEach(() => connection.close());

  const base = [
    nft.newTable(table),
    nft.newChain({ ...inTable, name: 'out', hook: { type: 'nat', hook: 'postrouting', priority: 100 } }),
    nft.newChain({ ...inTable, name: 'in', hook: { type: 'nat', hook: 'prerouting', priority: -100 } }),
    nft.newChain({
      ...inTable,
      name: 'forwarded',
      hook: { type: 'filter', hook: 'forward', priority: 0 },
      policy: nft.NF_DROP,
    }),
    nft.newChain({ ...inTable, name: 'ports' }),
    nft.newChain({ ...inTable, name: 'other' }),
  ];
  const rule = (chain: string, ...expressions: nft.Expression[][]) =>
    nft.newRule({ ...inTable, chain, expressions: expressions.flat() });

  test('newTable() keeps a comment, which `nft` shows; delChain() with ifEmpty spares a chain that has rules', () => {
    connection.commit([
      nft.newTable({ ...table, comment: 'whose it is' }),
      nft.newChain({ ...inTable, name: 'c' }),
      rule('c', expr.accept()),
    ]);
    expect(connection.table(table)).toMatchObject({ use: 1, comment: 'whose it is' });
    expect(run('nft list table inet t')).toContain('comment "whose it is"');
    connection.commit([nft.newTable({ ...table, comment: 'foreign' })]);
    expect(connection.tables()).toMatchObject([{ name: 't', comment: 'whose it is' }]);
    const chain = { ...inTable, name: 'c' };
    expect(() => connection.commit([nft.delChain({ ...chain, ifEmpty: true })])).toThrow('EBUSY');
    connection.commit([
      nft.delRule({ ...inTable, chain: 'c' }),
      nft.delChain({ ...chain, ifEmpty: true }),
      nft.delTable({ ...table, ifEmpty: true }),
    ]);
    expect(connection.tables()).toEqual([]);
  });

  test('commit() of 3,000 bad requests throws the first refusal, and the next commits work', () => {
    connection.commit(base);
    const bad = Array.from({ length: 3000 }, () => rule('none', expr.accept()));
    for (let round = 0; round < 2; round++) {
      const requests = [rule('other', expr.accept()), ...bad];
      expect(() => connection.commit(requests)).toThrow(
        expect.objectContaining({ code: 'ENOENT', index: 1 }),
      );
      expect(connection.rules(inTable)).toHaveLength(round);
      connection.commit([rule('other', expr.accept())]);
      expect(connection.rules(inTable)).toHaveLength(round + 1);
    }
  });

  test('chainUse() counts the rules of a chain and the references to it', () => {
    connection.commit([...base, rule('ports', expr.accept()), rule('ports', expr.jump('other'))]);
    const use = (name: string) => connection.chainUse({ ...inTable, name });
    expect([use('ports'), use('other'), use('in'), use('none')]).toEqual([2, 1, 0, undefined]);
  });

  test('chainUses() looks more chains up than the receive buffer has room for answers', () => {
    connection.commit([...base, rule('ports', expr.accept())]);
    const names = Array.from({ length: 1000 }, (_, i) => ['ports', 'none'][i % 2]!);
    const uses = connection.chainUses(names.map((name) => ({ ...inTable, name })));
    expect(uses).toEqual(names.map((name) => (name === 'ports' ? 1 : undefined)));
    expect(connection.chainUses([])).toEqual([]);
  });

  test('tableRefs() returns the names and families of all tables', () => {
    connection.commit([
      nft.newTable({ family: 'inet', name: 'pods' }),
      nft.newTable({ family: 'ip6', name: 'noted', comment: 'other' }),
    ]);
    const refs = connection.tableRefs();
    expect(refs).toEqual(connection.tables().map(({ family, name }) => ({ family, name })));
    expect(refs).toContainEqual({ family: 'inet', name: 'pods' });
  });

  test('tableUse() counts the chains and sets of a table', () => {
    connection.commit(base);
    const use = (name: string) => connection.tableUse({ family: inTable.family, name });
    expect(use(inTable.table)).toBe(connection.table({ family: inTable.family, name: inTable.table })?.use);
    expect(use('none')).toBeUndefined();
  });

  test('ruleComments() returns the comments of one chain', () => {
    const noted = (chain: string, comment: string) =>
      nft.newRule({ ...inTable, chain, expressions: expr.accept(), comment });
    connection.commit([
      ...base,
      noted('ports', 'a'),
      rule('ports', expr.accept()),
      noted('ports', 'b'),
      noted('other', 'c'),
    ]);
    expect(connection.ruleComments({ ...inTable, chain: 'ports' })).toEqual(['a', 'b']);
    for (const chain of ['forwarded', 'none']) {
      expect(connection.ruleComments({ ...inTable, chain })).toEqual([]);
    }
    expect(connection.ruleComments({ ...inTable, table: 'none', chain: 'ports' })).toEqual([]);
  });

  test('commit() creates rules that `nft` lists as intended', () => {
    connection.commit([
      ...base,
      rule(
        'out',
        expr.source('10.244.0.0/16'),
        expr.destination('10.244.0.0/16', { not: true }),
        expr.masquerade(),
      ),
      rule(
        'out',
        expr.source('fd00::/64'),
        expr.outputInterface('cni0', { not: true }),
        expr.counter(),
        expr.masquerade(),
      ),
      rule('in', expr.toLocal(), expr.protocol('tcp'), expr.destinationPort(8080), expr.jump('ports')),
      rule('ports', expr.protocol('tcp'), expr.dnat({ address: '10.244.1.2', port: 80 })),
      rule('ports', expr.protocol('udp'), expr.dnat({ address: 'fd00::2' })),
      rule('forwarded', expr.connectionState(['established', 'related']), expr.accept()),
      rule('forwarded', expr.source('10.64.0.0/10'), expr.destination('fd00:8000::/17'), expr.accept()),
      rule('forwarded', expr.inputInterface('veth*'), expr.source('10.244.1.2'), expr.drop()),
      rule('forwarded', expr.goTo('other')),
      nft.newRule({ ...inTable, chain: 'forwarded', expressions: expr.returnBack(), comment: 'the läst' }),
    ]);
    const text = run('nft list ruleset').replaceAll(/\s+/g, ' ');
    for (const line of [
      'type nat hook postrouting priority srcnat; policy accept;',
      'type filter hook forward priority filter; policy drop;',
      'ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade',
      'ip6 saddr fd00::/64 oifname != "cni0" counter packets 0 bytes 0 masquerade',
      'fib daddr type local tcp dport 8080 jump ports',
      'meta l4proto tcp dnat ip to 10.244.1.2:80',
      'meta l4proto udp dnat ip6 to fd00::2',
      'ct state established,related accept',
      'iifname "veth*" ip saddr 10.244.1.2 drop',
      'ip saddr 10.64.0.0/10 ip6 daddr fd00:8000::/17 accept',
      'goto other',
      'return comment "the läst"',
    ]) {
      expect(text).toContain(line);
    }
  });

  test('commit() creates the objects that `nft -j` lists', () => {
    connection.commit([
      ...base,
      nft.newSet({ ...inTable, name: 'pods', key: 'ipv4_addr', flags: nft.NFT_SET_INTERVAL }),
      nft.newElements({ ...inTable, name: 'pods' }, [
        { key: bytes(10, 0, 0, 0) },
        { key: bytes(10, 1, 0, 0), flags: nft.NFT_SET_ELEM_INTERVAL_END },
      ]),
      rule(
        'out',
        expr.source('10.244.0.0/16'),
        expr.outputInterface('cni0', { not: true }),
        expr.masquerade(),
      ),
      rule('in', expr.protocol('tcp'), expr.destinationPort(8080), expr.jump('ports')),
      rule('ports', expr.protocol('tcp'), expr.dnat({ address: '10.244.1.2', port: 80 })),
      rule('forwarded', expr.drop()),
    ]);
    const { nftables } = JSON.parse(run('nft -j list ruleset')) as { nftables: Record<string, object>[] };
    const told = (what: string) => nftables.flatMap((one) => one[what] ?? []);
    expect(told('table')).toMatchObject([{ family: 'inet', name: 't' }]);
    expect(told('chain')).toMatchObject([
      { name: 'out', type: 'nat', hook: 'postrouting', prio: 100, policy: 'accept' },
      { name: 'in', type: 'nat', hook: 'prerouting', prio: -100 },
      { name: 'forwarded', type: 'filter', hook: 'forward', prio: 0, policy: 'drop' },
      { name: 'ports' },
      { name: 'other' },
    ]);
    expect(told('set')).toMatchObject([
      {
        name: 'pods',
        type: 'ipv4_addr',
        flags: ['interval'],
        elem: [{ prefix: { addr: '10.0.0.0', len: 16 } }],
      },
    ]);
    const field = (protocol: string, name: string) => ({ payload: { protocol, field: name } });
    const match = (left: object, right: unknown, op = '==') => ({ match: { op, left, right } });
    expect(told('rule')).toMatchObject([
      {
        chain: 'out',
        expr: [
          match(field('ip', 'saddr'), { prefix: { addr: '10.244.0.0', len: 16 } }),
          match({ meta: { key: 'oifname' } }, 'cni0', '!='),
          { masquerade: null },
        ],
      },
      { chain: 'in', expr: [match(field('tcp', 'dport'), 8080), { jump: { target: 'ports' } }] },
      // Chain by chain, in the order that they were made.
      { chain: 'forwarded', expr: [{ drop: null }] },
      {
        chain: 'ports',
        expr: [
          match({ meta: { key: 'l4proto' } }, 'tcp'),
          { dnat: { family: 'ip', addr: '10.244.1.2', port: 80 } },
        ],
      },
    ]);
  });

  test('Dumps return objects that can be created again', () => {
    connection.commit([
      ...base,
      rule('forwarded', expr.connectionState(['new']), expr.counter(), expr.accept()),
    ]);
    expect(connection.tables({ family: 'inet' })).toMatchObject([{ family: 'inet', name: 't' }]);
    expect(connection.chains({ ...inTable }).map(({ name }) => name)).toEqual([
      'out',
      'in',
      'forwarded',
      'ports',
      'other',
    ]);
    expect(connection.chains({ chain: 'forwarded' })).toMatchObject([
      { policy: nft.NF_DROP, hook: { type: 'filter', hook: 2, priority: 0 } },
    ]);
    expect(connection.chains({ chain: 'in' })[0]!.hook!.priority).toBe(-100);
    const [had] = connection.rules({ chain: 'forwarded' });
    expect(had!.expressions.map(({ name }) => name)).toEqual([
      'ct',
      'bitwise',
      'cmp',
      'counter',
      'immediate',
    ]);
    connection.commit([
      nft.delRule({ ...inTable, chain: 'forwarded', handle: had!.handle! }),
      nft.newRule({ ...inTable, chain: 'forwarded', expressions: had!.expressions }),
    ]);
    const [again] = connection.rules({ chain: 'forwarded' });
    expect(again!.expressions).toEqual(had!.expressions);
    expect(again!.handle).not.toBe(had!.handle);
  });

  test('rules() decodes the rules of `nft`, unknown expressions as bytes', () => {
    run('nft add table inet t');
    run('nft add chain inet t c');
    run('nft add rule inet t c tcp dport { 80, 443 } limit rate 5/second accept comment hello');
    const [made] = connection.rules({ table: 't' });
    expect(made!.comment).toBe('hello');
    expect(made!.expressions.map((e) => (e.name === 'other' ? e.kind : e.name))).toEqual([
      ...['meta', 'cmp', 'payload', 'lookup', 'limit', 'immediate'],
    ]);
    const text = run('nft list chain inet t c');
    const before = text.slice(text.indexOf('limit'));
    connection.commit([nft.newRule({ ...inTable, chain: 'c', expressions: made!.expressions.slice(4) })]);
    expect(run('nft list chain inet t c')).toContain(before.slice(0, before.indexOf(' comment')));
  });

  test('elements() returns the elements that `nft` shows', () => {
    const ports = { ...inTable, name: 'ports' };
    connection.commit([
      nft.newTable(table),
      nft.newSet({ ...inTable, name: 'pods', key: 'ipv4_addr', flags: nft.NFT_SET_INTERVAL }),
      nft.newSet({
        ...ports,
        key: ['inet_proto', 'inet_service'],
        data: ['ipv4_addr', 'inet_service'],
        id: 2,
      }),
      nft.newSet({ ...inTable, name: 'v', key: 'mark', data: 'verdict', id: 3 }),
      nft.newElements({ ...inTable, name: 'pods' }, [
        { key: bytes(10, 0, 0, 0) },
        { key: bytes(10, 1, 0, 0), flags: nft.NFT_SET_ELEM_INTERVAL_END },
      ]),
      nft.newElements(ports, [
        { key: bytes(6, 0, 0, 0, 0x1f, 0x90, 0, 0), data: bytes(10, 0, 0, 2, 0, 80, 0, 0) },
      ]),
      nft.newElements({ ...inTable, name: 'v' }, [
        { key: bytes(5, 0, 0, 0), verdict: { code: nft.NF_DROP } },
      ]),
    ]);
    expect(
      connection
        .sets()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['pods', 'ports', 'v']);
    const listed = run('nft list ruleset').replaceAll(/\s+/g, ' ');
    expect(listed).toContain('elements = { 10.0.0.0/16 }');
    expect(listed).toContain('type inet_proto . inet_service : ipv4_addr . inet_service');
    expect(listed).toContain('elements = { tcp . 8080 : 10.0.0.2 . 80 }');
    expect(listed).toContain('elements = { 0x00000005 : drop }');
    expect(connection.elements(ports)).toMatchObject([{ data: bytes(10, 0, 0, 2, 0, 80, 0, 0) }]);
    expect(connection.elements({ ...inTable, name: 'v' })).toMatchObject([
      { verdict: { code: nft.NF_DROP } },
    ]);
    connection.commit([nft.delElements(ports)]);
    expect(connection.elements(ports)).toEqual([]);
    connection.commit([nft.delSet(ports)]);
    expect(connection.sets()).toHaveLength(2);
  });

  test('commit() changes nothing when one message is refused, and names it', () => {
    const failing = [...base, rule('nowhere', expr.accept()), nft.newTable({ family: 'ip', name: 'u' })];
    expect(() => connection.commit(failing)).toThrow(
      expect.objectContaining({ code: 'ENOENT', index: base.length, request: failing[base.length] }),
    );
    expect(connection.tables()).toEqual([]);
    connection.commit(base);
    connection.commit(base); // an existing object is not an error
    connection.commit([nft.delTable(table)]);
    expect(connection.tables()).toEqual([]);
    expect(() => connection.commit([nft.delTable(table)])).toThrow(
      expect.objectContaining({ code: 'ENOENT' }),
    );
    connection.commit([]);
  });

  test('table(), chain() and element() return one object or undefined', () => {
    const pods = { ...inTable, name: 'pods' };
    const key = bytes(10, 0, 0, 2);
    expect(connection.table(table)).toBeUndefined();
    expect(connection.chain({ ...inTable, name: 'other' })).toBeUndefined();
    expect(connection.element(pods, key)).toBeUndefined();
    connection.commit([
      ...base,
      nft.newSet({ ...pods, key: 'ipv4_addr', data: 'verdict' }),
      nft.newElements(pods, [{ key, verdict: { code: nft.NFT_JUMP, chain: 'other' }, comment: 'one' }]),
      rule('other', expr.accept()),
    ]);
    expect(connection.table(table)).toMatchObject({ name: 't', use: 6 });
    expect(connection.chain({ ...inTable, name: 'other' })).toMatchObject({ name: 'other', use: 2 });
    expect(connection.chain({ ...inTable, name: 'none' })).toBeUndefined();
    expect(connection.element(pods, key)).toMatchObject({
      comment: 'one',
      verdict: { code: nft.NFT_JUMP, chain: 'other' },
    });
    expect(connection.element(pods, bytes(10, 0, 0, 3))).toBeUndefined();
  });

  test('elementTarget() returns chain and comment of an element, or undefined', () => {
    const pods = { ...inTable, name: 'pods' };
    const [jumping, accepting, absent] = [1, 2, 3].map((last) => bytes(10, 0, 0, last));
    expect(connection.elementTarget(pods, jumping!)).toBeUndefined();
    connection.commit([
      ...base,
      nft.newSet({ ...pods, key: 'ipv4_addr', data: 'verdict' }),
      nft.newElements(pods, [
        { key: jumping!, verdict: { code: nft.NFT_JUMP, chain: 'other' }, comment: 'net/pöd/eth0' },
        { key: accepting!, verdict: { code: nft.NF_ACCEPT } },
      ]),
    ]);
    expect(connection.elementTarget(pods, jumping!)).toEqual({ chain: 'other', comment: 'net/pöd/eth0' });
    expect(connection.elementTarget(pods, accepting!)).toEqual({ chain: undefined, comment: undefined });
    expect(connection.elementTarget(pods, absent!)).toBeUndefined();
  });

  test('newTable() with `exclusive` throws EEXIST, and delTable() with `ifEmpty` throws EBUSY', () => {
    const pods = { ...inTable, name: 'pods' };
    const element = { key: bytes(10, 0, 0, 2) };
    connection.commit([
      ...base,
      nft.newSet({ ...pods, key: 'ipv4_addr' }),
      nft.newElements({ ...pods, exclusive: true }, [element]),
    ]);
    connection.commit([nft.newElements(pods, [element])]);
    for (const request of [
      nft.newTable({ ...table, exclusive: true }),
      nft.newChain({ ...inTable, name: 'other', exclusive: true }),
      nft.newElements({ ...pods, exclusive: true }, [element]),
    ]) {
      expect(() => connection.commit([request])).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    }
    const empty = nft.delTable({ ...table, ifEmpty: true });
    expect(() => connection.commit([empty])).toThrow(expect.objectContaining({ code: 'EBUSY' }));
    const chains = connection
      .chains({ table: 't' })
      .map(({ name }) => nft.delChain({ ...inTable, name: name! }));
    connection.commit([...chains, nft.delSet(pods), empty]);
    expect(connection.tables()).toEqual([]);
  });

  test('getRules() of one chain filters in the kernel', () => {
    connection.commit([
      ...base,
      rule('ports', expr.accept()),
      rule('other', expr.drop()),
      rule('other', expr.accept()),
    ]);
    let told = 0;
    connection.connection.dump(getRules({ ...inTable, chain: 'other' }), () => void told++);
    expect(told).toBe(2);
    expect(connection.rules({ ...inTable, chain: 'other' })).toHaveLength(2);
    expect(connection.rules({ ...inTable, chain: 'none' })).toEqual([]);
  });

  test('commit() creates verdict maps, marks and comments that `nft list` shows', () => {
    connection.commit([
      ...base,
      nft.newSet({
        ...inTable,
        name: 'where',
        key: ['ipv4_addr', 'inet_proto', 'inet_service'],
        data: 'verdict',
      }),
      nft.newElements({ ...inTable, name: 'where' }, [
        {
          key: bytes(10, 0, 0, 1, 17, 0, 0, 0, 0, 53, 0, 0),
          verdict: { code: nft.NFT_JUMP, chain: 'other' },
          comment: 'net/pod/eth0',
        },
      ]),
      rule('ports', expr.verdictMap(['ip daddr', 'meta l4proto', 'th dport'], 'where')),
      rule('ports', expr.setMarkBits(0x2000)),
      rule('ports', expr.hasMarkBits(0x2000), expr.masquerade()),
    ]);
    const listed = run('nft list ruleset').replaceAll(/\s+/g, ' ');
    expect(listed).toContain('10.0.0.1 . udp . 53 comment "net/pod/eth0" : jump other');
    expect(listed).toContain('ip daddr . meta l4proto . th dport vmap @where');
    expect(listed).toContain('meta mark set meta mark | 0x00002000');
    expect(listed).toContain('meta mark & 0x00002000 == 0x00002000 masquerade');
  });

  test('commit() of a thousand rules is one transaction', () => {
    const rules = Array.from({ length: 1000 }, (_, i) =>
      rule('ports', expr.source(`10.${i >> 8}.${i & 255}.0/24`), expr.accept()),
    );
    connection.commit([...base, ...rules]);
    expect(connection.rules({ chain: 'ports' })).toHaveLength(1000);
  });
});
