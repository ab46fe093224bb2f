/** The table of NetworkPolicies in the kernel, as nft lists and loads it. */
import { execFileSync } from 'node:child_process';
import { openNftables } from '@cnikit/netlink/nftables';
import { type NetworkPolicy, PolicyCompiler, readObject } from '@cnikit/policy';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { objectsOf, UPSTREAM } from '../../policy/test/upstream.ts';
import { PolicyTable } from '../src/policy/policy-table.ts';
import { scopeOf } from '../src/policy/rules.ts';

const SCOPE = scopeOf(['10.0.0.0/24', 'fd00::/120']);
/** Earlier versions had base chain `to-node` there. */
const HOOK_OF_BEFORE = '{ type filter hook input priority 1; }';
const nft = (...args: string[]) => execFileSync('nft', args, { encoding: 'utf8' });
const list = () => nft('list', 'table', 'inet', 'cnikit-policy');

const base = () =>
  objectsOf({ title: '', policies: [], denies: () => false }).map((object) => readObject(object)!);
const policy = (name: string, spec: NetworkPolicy['spec']): NetworkPolicy => ({
  kind: 'NetworkPolicy',
  metadata: { namespace: 'x', name },
  spec,
});
const FROM_B = policy('from-b', {
  podSelector: { matchLabels: { pod: 'a' } },
  ingress: [
    { from: [{ podSelector: { matchLabels: { pod: 'b' } } }], ports: [{ port: 80 }, { port: 'web' }] },
    { from: [{ ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.7/32'] } }] },
  ],
});

describe.skipIf(process.env.CNIKIT_SANDBOX !== '1')('The table of NetworkPolicies on a full kernel', () => {
  const connection = openNftables();
  afterAll(() => connection.close());
  afterEach(() => nft('flush', 'ruleset'));

  const start = (...policies: NetworkPolicy[]) => {
    const compiler = new PolicyCompiler('n1');
    compiler.apply([...base(), ...policies].map((object) => ({ type: 'put', object })));
    const table = new PolicyTable(connection);
    table.rebuild(compiler.ruleset, SCOPE);
    const put = (object: NetworkPolicy) => table.apply(compiler.apply([{ type: 'put', object }]));
    const remove = (object: NetworkPolicy) => table.apply(compiler.apply([{ type: 'delete', object }]));
    return { compiler, table, put, remove };
  };

  test('rebuild() makes a table that nft lists with the policy, and loads again', () => {
    start(FROM_B);
    const listed = list();
    expect(listed).toContain('chain a/ingress/x/from-b {');
    expect(listed).toContain('ip saddr @a/selection-1-ipv4 tcp dport 80 accept');
    expect(listed).toContain('ip saddr 192.0.2.0-192.0.2.6 accept');
    expect(listed).toContain('ip6 saddr @a/selection-1-ipv6 ip6 daddr . tcp dport @a/port-1-ipv6 accept');
    expect(listed).toContain('10.0.0.1 : goto a/pods/1');
    expect(listed).toContain('ip daddr 10.0.0.0/24 drop');
    expect(listed).toContain('icmpv6 type 133-137 accept');
    nft('flush', 'ruleset');
    execFileSync('nft', ['-f', '-'], { input: listed });
    expect(list()).toBe(listed);
  });

  test('difference() finds nothing after rebuild() and after each change', () => {
    const { compiler, table, put, remove } = start();
    expect(table.difference(compiler.ruleset)).toBeUndefined();
    for (const one of UPSTREAM) {
      for (const each of one.policies) {
        put(each);
        expect(table.difference(compiler.ruleset)).toBeUndefined();
      }
      for (const each of one.policies) {
        remove(each);
        expect(table.difference(compiler.ruleset)).toBeUndefined();
      }
    }
    expect(list()).not.toContain('a/');
  });

  test('apply() commits the chains of a pod before it moves there from other policies', () => {
    const { table, put } = start(FROM_B);
    const before = table.commits;
    put(policy('all', { podSelector: {}, ingress: [{}] }));
    expect(table.commits - before).toBe(2);
    put(policy('all', { podSelector: {}, ingress: [] }));
    expect(table.commits - before).toBe(3);
  });

  test.each([
    ['a flushed rule set', ['flush', 'ruleset'], 'the table is missing'],
    ['a deleted rule', ['flush', 'chain', 'inet', 'cnikit-policy', 'ingress'], 'chain ingress differs'],
    [
      'an inserted rule',
      ['insert', 'rule', 'inet', 'cnikit-policy', 'a/ingress/x/from-b', 'accept'],
      'chain a/ingress/x/from-b differs',
    ],
    ['a foreign chain', ['add', 'chain', 'inet', 'cnikit-policy', 'other'], 'chain other is foreign'],
    [
      'a deleted pod',
      ['delete', 'element', 'inet', 'cnikit-policy', 'ingress-ipv4', '{ 10.0.0.1 }'],
      'map ingress-ipv4 differs',
    ],
    [
      'a foreign member',
      ['add', 'element', 'inet', 'cnikit-policy', 'a/selection-1-ipv4', '{ 10.9.9.9 }'],
      'set a/selection-1-ipv4 differs',
    ],
  ])('rebuild() repairs %s, which difference() finds', (_, command, found) => {
    const { compiler, table, put } = start(FROM_B);
    nft(...command);
    expect(table.difference(compiler.ruleset)).toBe(found);
    table.rebuild(compiler.ruleset, SCOPE);
    expect(table.difference(compiler.ruleset)).toBeUndefined();
    put(policy('all', { podSelector: {} }));
    expect(table.difference(compiler.ruleset)).toBeUndefined();
  });

  test('rebuild() replaces a table whose foreign chain jumps to one of its chains', () => {
    const { compiler, table } = start(FROM_B);
    nft('add', 'chain', 'inet', 'cnikit-policy', 'other', '{ type filter hook output priority 0; }');
    nft('add', 'rule', 'inet', 'cnikit-policy', 'other', 'jump', 'a/ingress/x/from-b');
    table.rebuild(compiler.ruleset, SCOPE);
    expect(table.difference(compiler.ruleset)).toBeUndefined();
  });

  test('rebuild() replaces a table that is dormant, which difference() finds', () => {
    const { compiler, table, put } = start(FROM_B);
    nft('add', 'table', 'inet', 'cnikit-policy', '{ flags dormant; }');
    expect(table.difference(compiler.ruleset)).toBe('the table is dormant');
    table.rebuild(compiler.ruleset, SCOPE);
    expect(list()).not.toContain('dormant');
    put(policy('all', { podSelector: {} }));
    expect(table.difference(compiler.ruleset)).toBeUndefined();
  });

  test('rebuild() by the agent of the next start takes over the table under another letter', () => {
    start(FROM_B);
    const { compiler, table } = start(FROM_B, policy('more', { podSelector: {}, policyTypes: ['Egress'] }));
    expect(table.difference(compiler.ruleset)).toBeUndefined();
    expect(list()).toContain('10.0.0.1 : goto b/pods/');
    expect(list()).not.toContain('a/');
  });

  test('apply() after a refused change fails until rebuild() runs', () => {
    const { compiler, table, put } = start();
    nft('delete', 'table', 'inet', 'cnikit-policy');
    expect(() => put(FROM_B)).toThrow('ENOENT');
    expect(() => put(FROM_B)).toThrow('needs a rebuild');
    table.rebuild(compiler.ruleset, SCOPE);
    expect(table.difference(compiler.ruleset)).toBeUndefined();
  });

  test('rebuild() covers only the IP versions of the pod networks', () => {
    const { compiler } = start(FROM_B);
    const table = new PolicyTable(connection);
    table.rebuild(compiler.ruleset, scopeOf(['10.0.0.0/24']));
    expect(table.difference(compiler.ruleset)).toBeUndefined();
    expect(list()).not.toContain('ip6 daddr');
  });

  test('rebuild() adds and removes the chains of ipvs beside those in use, which difference() and nft know', () => {
    const { compiler, table } = start(FROM_B);
    for (const ipvs of [true, false, true]) {
      expect(table.rebuild(compiler.ruleset, { ...SCOPE, ipvs })).toEqual([]);
      expect(table.difference(compiler.ruleset)).toBeUndefined();
      const listed = list();
      expect(listed.includes('type filter hook output priority filter')).toBe(ipvs);
      expect(listed.match(/fib saddr type local accept/g)?.length ?? 0).toBe(ipvs ? 2 : 0);
      nft('flush', 'ruleset');
      execFileSync('nft', ['-f', '-'], { input: listed });
      expect(list()).toBe(listed);
      expect(table.difference(compiler.ruleset)).toBeUndefined();
    }
  });

  test('rebuild() repairs a base chain that is missing, or has another hook', () => {
    const { compiler, table } = start(FROM_B);
    for (const commands of [[], [['add', 'chain', 'inet', 'cnikit-policy', 'to-node', HOOK_OF_BEFORE]]]) {
      nft('delete', 'chain', 'inet', 'cnikit-policy', 'to-node');
      for (const command of commands) {
        nft(...command);
      }
      expect(table.difference(compiler.ruleset)).toMatch(/^chain to-node (is missing|differs)$/);
      table.rebuild(compiler.ruleset, SCOPE);
      expect(table.difference(compiler.ruleset)).toBeUndefined();
    }
  });

  test('rebuild() returns the addresses of pods that have ended since a table of an earlier version', () => {
    start(FROM_B);
    nft('delete', 'chain', 'inet', 'cnikit-policy', 'to-node');
    nft('add', 'chain', 'inet', 'cnikit-policy', 'to-node', HOOK_OF_BEFORE);
    const { ruleset } = new PolicyCompiler('n1');
    const gone = new PolicyTable(connection).rebuild(ruleset, SCOPE);
    expect(gone).toEqual(expect.arrayContaining(['10.0.0.1', 'fd00::1']));
  });

  test('rebuild() adds and removes the rules of options, which difference() and nft know', () => {
    const { compiler, table } = start(FROM_B);
    for (const options of [
      { cutMark: 0x2000000, log: { group: 5210, rate: 10 } },
      { cutMark: 0x80000000, log: { group: 1, rate: 1 } },
      { cutMark: 0x400 },
      {},
    ]) {
      table.rebuild(compiler.ruleset, { ...SCOPE, ...options });
      expect(table.difference(compiler.ruleset)).toBeUndefined();
      const listed = list();
      expect(listed.includes('tcp reset')).toBe('cutMark' in options);
      expect(listed.includes('goto denied')).toBe('log' in options);
      expect(listed.includes('log prefix') || listed.includes(' log group')).toBe('log' in options);
      nft('flush', 'ruleset');
      execFileSync('nft', ['-f', '-'], { input: listed });
      expect(list()).toBe(listed);
      expect(table.difference(compiler.ruleset)).toBeUndefined();
    }
  });
});
