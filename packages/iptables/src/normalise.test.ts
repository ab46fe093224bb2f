import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SPELLINGS, spellingArgv } from '../test/spellings.ts';
import type { RuleSpec } from './model.ts';
import { declareRule, normaliseSaved } from './normalise.ts';

test.each(SPELLINGS)('declareRule() spells $declared as iptables-save does', (row) => {
  const family = row.family ?? 'ipv4';
  const rule = declareRule(spellingArgv(row), family);
  const saved = row.saved ?? row.declared;
  expect(rule.text).toBe(saved);
  expect(rule.exact).toBe(true);
  expect(normaliseSaved(saved, family)).toMatchObject({
    text: saved,
    key: rule.key,
    shape: rule.shape,
    exact: true,
  });
  expect(normaliseSaved(rule.input, family).key).toBe(rule.key);
});

test.each<[string, RuleSpec, string]>([
  ['everything', {}, ''],
  [
    'addresses',
    { source: '10.0.0.0/8', destination: { not: '10.1.0.0/16' } },
    '-s 10.0.0.0/8 ! -d 10.1.0.0/16',
  ],
  ['interfaces', { inInterface: { not: 'lo' }, outInterface: 'eth0' }, '! -i lo -o eth0'],
  [
    'ports',
    { protocol: 'tcp', sourcePort: 1, destinationPort: { not: '80:90' } },
    '-p tcp -m tcp --sport 1 ! --dport 80:90',
  ],
  ['comment and jump', { comment: 'a b', jump: 'ACCEPT' }, '-m comment --comment "a b" -j ACCEPT'],
  ['goto', { goto: 'ELSEWHERE' }, '-g ELSEWHERE'],
  [
    'matches',
    { matches: [{ module: 'set', options: ['!', '--match-set', 'x', 'src,dst'] }, { module: 'socket' }] },
    '-m set ! --match-set x src,dst -m socket',
  ],
  ['target options', { jump: 'MARK', targetOptions: ['--or-mark', '4'] }, '-j MARK --set-xmark 0x4/0x4'],
])('declareRule() accepts a rule object with %s', (_, rule, expected) => {
  expect(declareRule(rule, 'ipv4').text).toBe(expected);
});

test.each<[string, RuleSpec, RegExp]>([
  ['a host name', ['-s', 'example.com'], /Invalid IPv4 address or network "example.com"/],
  ['a list of addresses', ['-s', '10.0.0.1,10.0.0.2'], /Invalid IPv4 address/],
  ['the other family', { source: 'fd00::/64' }, /Invalid IPv4 address/],
  ['a line break', { comment: 'a\n-A INPUT -j ACCEPT' }, /control character/],
  ['a NUL', ['-i', 'a\0'], /control character/],
  ['a port without protocol', { destinationPort: 80 }, /needs a protocol/],
  ['jump and goto', { jump: 'A', goto: 'B' }, /not both/],
  ['two targets', ['-j', 'A', '-j', 'B'], /Two targets/],
  ['a chain command', ['-A', 'INPUT', '-j', 'ACCEPT'], /-A cannot be part of a rule/],
  ['a table', ['-t', 'nat'], /-t cannot be part of a rule/],
  ['a stray argument', ['ACCEPT'], /Expected an option, got "ACCEPT"/],
  ['an option without a value', ['-s'], /-s has no value/],
  ['an unknown option', ['--dport', '80'], /Unknown option --dport: no preceding -m, -p or -j/],
  ['a negation of nothing', ['-i', 'lo', '!'], /negates nothing/],
  ['a double negation', ['!', '!', '-i', 'lo'], /consecutive/],
  ['a negated target', ['!', '-j', 'ACCEPT'], /cannot negate -j/],
  ['a target like an option', ['-j', '-s'], /Invalid name "-s" after -j/],
  ['a repeated option', ['-s', '10.0.0.1', '-s', '10.0.0.2'], /given twice/],
  ['an unknown key', { src: '10.0.0.1', jump: 'ACCEPT' } as RuleSpec, /Unknown key "src" in rule: .*source/],
  ['an unknown key of a match', { matches: [{ name: 'tcp' }] } as unknown as RuleSpec, /Unknown key "name"/],
  ['an unknown negation', { source: { no: 'x' } } as unknown as RuleSpec, /Unknown key "no" in source/],
  ['an empty negation', { source: {} } as RuleSpec, /Invalid source undefined/],
  ['an empty source', { source: '', jump: 'ACCEPT' }, /Invalid source "": expected a string/],
  ['null for a source', { source: null } as unknown as RuleSpec, /Invalid source null/],
  ['a list for a target', { jump: ['ACCEPT'] } as unknown as RuleSpec, /Invalid jump \["ACCEPT"\]/],
  ['a text for options', { jump: 'X', targetOptions: '--a' } as unknown as RuleSpec, /expected a list/],
  ['a text for matches', { matches: 'tcp' } as unknown as RuleSpec, /Invalid matches "tcp"/],
  ['a fraction for a port', { protocol: 'tcp', destinationPort: 8.5 }, /Invalid destinationPort 8.5/],
  ['a number for a comment', { comment: 5 } as unknown as RuleSpec, /Invalid comment 5/],
  ['a text for a rule', '-j ACCEPT' as unknown as RuleSpec, /Invalid rule "-j ACCEPT": expected an object/],
  ['a number in argv', ['-s', 5 as unknown as string], /5 is not a string/],
  [
    'options of CT that iptables mixes',
    ['-j', 'CT', '--zone', '1', '--zone-orig', '2'],
    /Set one of --zone, /,
  ],
  [
    'options of ECN that iptables does not combine',
    ['-p', 'tcp', '-j', 'ECN', '--ecn-ip-ect', '2', '--ecn-tcp-remove'],
    /Set one of --ecn-tcp-remove, --ecn-ip-ect of ECN in each rule/,
  ],
])('declareRule() refuses %s', (_, rule, message) => {
  expect(() => declareRule(rule, 'ipv4')).toThrow(
    expect.objectContaining({ code: 'INVALID', message: expect.stringMatching(message) }),
  );
});

test.each([
  ['-m mark --mark 0x1 -m comment --comment x', '-m comment --comment x -m mark --mark 0x1'],
  ['-p tcp -m tcp -m comment --comment x -m tcp --dport 5', '-p tcp -m comment --comment x -m tcp --dport 5'],
  ['-m state --state NEW', '-m conntrack --ctstate NEW'],
  ['-j NOTRACK', '-j CT --notrack'],
  ['-p 58', '-p icmpv6'],
])('declareRule() returns one key for "%s" and "%s"', (a, b) => {
  expect(declareRule(a.split(' '), 'ipv4').key).toBe(declareRule(b.split(' '), 'ipv4').key);
});

test.each([
  ['-m limit --limit 1/sec -m mark --mark 0x1', '-m mark --mark 0x1 -m limit --limit 1/sec'],
  ['-s 10.0.0.1', '! -s 10.0.0.1'],
  ['-j X', '-g X'],
  ['-m mark --mark 0x1', '-m connmark --mark 0x1'],
  ['-m set --match-set a src', '-m set ! --match-set a src'],
])('declareRule() returns two keys for "%s" and "%s"', (a, b) => {
  expect(declareRule(a.split(' '), 'ipv4').key).not.toBe(declareRule(b.split(' '), 'ipv4').key);
});

test.each([
  '-m socket --transparent',
  '-p tcp --dport http',
  '-m owner --uid-owner root',
  '-j TEE --gateway 10.0.0.1',
])('declareRule() reports that the spelling of "%s" is unknown', (text) => {
  expect(declareRule(text.split(' '), 'ipv4').exact).toBe(false);
});

test('normaliseSaved() accepts any text and returns its own output unchanged', () => {
  const word = fc.constantFrom(
    '-s',
    '10.0.0.1',
    '-m',
    'tcp',
    'comment',
    '--comment',
    '"a b"',
    '!',
    '-j',
    'X',
    '--dport',
    '80',
    '-p',
    '"',
    '\\',
    '-g',
    '1/2',
    '--limit',
    'limit',
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 12 }), (words) => {
      const once = normaliseSaved(words.join(' '), 'ipv4');
      expect(normaliseSaved(once.text, 'ipv4')).toEqual(once);
    }),
    { numRuns: 5000 },
  );
});
