import { expect, test } from 'vitest';
import type { TableSpec } from './model.ts';
import { parseSave } from './parse.ts';
import { planRemoval, planTables } from './plan.ts';

const SAVED = parseSave(`*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:MINE-A - [0:0]
:MINE-OLD - [0:0]
-A FORWARD -i docker0 -j ACCEPT
-A FORWARD -j MINE-A
-A INPUT -j MINE-OLD
-A MINE-A -s 10.0.0.0/24 -j ACCEPT
-A MINE-A -d 10.0.0.0/24 -j ACCEPT
COMMIT
`);

const TABLE: TableSpec = {
  table: 'filter',
  chains: {
    'MINE-A': [
      ['-s', '10.0.0.0/24', '-j', 'ACCEPT'],
      ['-d', '10.0.1.0/24', '-j', 'ACCEPT'],
      ['-i', 'lo'],
    ],
    'MINE-B': [['-j', 'RETURN']],
  },
  jumps: [{ from: 'FORWARD', to: 'MINE-A', at: 'first' }],
};

test('planTables() returns the difference as one transaction per table', () => {
  expect(planTables(SAVED, [TABLE], { family: 'ipv4', prefix: 'MINE-' })).toEqual({
    changed: true,
    payload: `*filter
:MINE-B - [0:0]
-R MINE-A 2 -d 10.0.1.0/24 -j ACCEPT
-A MINE-A -i lo
-A MINE-B -j RETURN
-D INPUT -j MINE-OLD
-D FORWARD -j MINE-A
-I FORWARD -j MINE-A
-F MINE-OLD
-X MINE-OLD
COMMIT
`,
    diff: [
      'filter: + chain MINE-B',
      'filter: ~ MINE-A -d 10.0.0.0/24 -j ACCEPT => -d 10.0.1.0/24 -j ACCEPT',
      'filter: + MINE-A -i lo',
      'filter: + MINE-B -j RETURN',
      'filter: - INPUT -j MINE-OLD',
      'filter: - FORWARD -j MINE-A',
      'filter: + FORWARD -j MINE-A (at 1)',
      'filter: - chain MINE-OLD',
    ],
  });
});

test('planRemoval() removes jumps, then rules, then chains', () => {
  expect(planRemoval(SAVED, [TABLE], { family: 'ipv4' }).payload).toBe(`*filter
-D FORWARD -j MINE-A
-F MINE-A
-X MINE-A
COMMIT
`);
});

test('planRemoval() returns an empty plan when nothing exists', () => {
  expect(planRemoval(parseSave(''), [TABLE], { family: 'ipv4' })).toEqual({
    changed: false,
    diff: [],
    payload: '',
  });
});

test('planTables() throws INCOMPATIBLE_TABLE for a table that iptables cannot show', () => {
  const saved = parseSave("# Table `filter' is incompatible, use 'nft' tool.\n");
  expect(() => planTables(saved, [TABLE], { family: 'ipv4' })).toThrow(
    expect.objectContaining({ code: 'INCOMPATIBLE_TABLE' }),
  );
});

const chain = (name: string): TableSpec[] => [{ table: 'filter', chains: { [name]: [] } }];
test.each<[string, readonly TableSpec[], string | undefined, RegExp]>([
  ['a built-in chain', chain('FORWARD'), undefined, /built-in/],
  ['a target', chain('ACCEPT'), undefined, /name of a target/],
  ['a name with a space', chain('A B'), undefined, /letters/],
  ['a name with a line break', chain('A\nCOMMIT'), undefined, /letters/],
  ['a name like an option', chain('-X'), undefined, /letters/],
  ['a long name', chain('A'.repeat(29)), undefined, /longer than 28/],
  ['a name without the prefix', chain('YOURS'), 'MINE-', /must begin with the prefix "MINE-"/],
  ['an empty prefix', chain('A'), '', /every chain/],
  ['an unknown table', [{ table: 'fitler' as 'filter', chains: {} }], undefined, /Unknown table "fitler"/],
  [
    'an unknown key of a table',
    [{ tabel: 'filter' }] as unknown as TableSpec[],
    undefined,
    /Unknown key "tabel"/,
  ],
  ['a table without chains', [{ table: 'filter' }] as unknown as TableSpec[], undefined, /needs chains/],
  [
    'a rule in the place of a list of rules',
    [{ table: 'filter', chains: { A: { jump: 'DROP' } } }] as unknown as TableSpec[],
    undefined,
    /Rules of chain A: expected a list/,
  ],
  [
    'an unknown key of a jump',
    [
      { table: 'filter', chains: { A: [] }, jumps: [{ from: 'INPUT', to: 'A', position: 'first' }] },
    ] as unknown as TableSpec[],
    undefined,
    /Unknown key "position" in jump/,
  ],
  [
    'an unknown position of a jump',
    [
      { table: 'filter', chains: { A: [] }, jumps: [{ from: 'INPUT', to: 'A', at: 'top' }] },
    ] as unknown as TableSpec[],
    undefined,
    /Invalid position "top" of the jump from INPUT to A/,
  ],
  [
    'an unknown key of a rule',
    [{ table: 'filter', chains: { A: [{ src: '10.0.0.1', jump: 'ACCEPT' }] } }] as unknown as TableSpec[],
    undefined,
    /Rule 1 of chain A: Unknown key "src" in rule/,
  ],
  ['a table in place of a list', chain('A')[0] as unknown as TableSpec[], undefined, /expected a list/],
  ['two declarations of a table', [...chain('A'), ...chain('B')], undefined, /declared twice/],
  [
    'a jump to an undeclared chain',
    [{ table: 'filter', chains: {}, jumps: [{ from: 'INPUT', to: 'A', at: 'first' }] }],
    undefined,
    /does not declare/,
  ],
  [
    'a jump from an owned chain',
    [{ table: 'filter', chains: { A: [], B: [] }, jumps: [{ from: 'A', to: 'B', at: 'first' }] }],
    undefined,
    /declare it among the rules of A/,
  ],
  [
    'two jumps between the same chains',
    [
      {
        table: 'filter',
        chains: { A: [] },
        jumps: [
          { from: 'INPUT', to: 'A', at: 'first' },
          { from: 'INPUT', to: 'A', at: 'last' },
        ],
      },
    ],
    undefined,
    /Two jumps/,
  ],
  [
    'a jump with a target',
    [
      {
        table: 'filter',
        chains: { A: [] },
        jumps: [{ from: 'INPUT', to: 'A', at: 'first', rule: { jump: 'B' } }],
      },
    ],
    undefined,
    /Jump from INPUT to A: Two targets/,
  ],
  [
    'an invalid rule',
    [{ table: 'filter', chains: { A: [[], ['-s']] } }],
    undefined,
    /Rule 2 of chain A: Option -s has no value/,
  ],
])('planTables() refuses %s', (_, tables, prefix, message) => {
  const options = { family: 'ipv4' as const, prefix };
  expect(() => planTables(SAVED, tables, options)).toThrow(
    expect.objectContaining({ code: 'INVALID', message: expect.stringMatching(message) }),
  );
});
