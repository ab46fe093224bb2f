import { expect, test } from 'vitest';
import { subjectProblems } from './commit-subjects.ts';

test.each([
  'ipam: allocate from the last range first',
  'netlink, sys: name shortcuts by what they do, use # fields',
  'toolchain/static-exe: embed the engine',
])('subjectProblems() accepts "%s"', (subject) => {
  expect(subjectProblems(subject)).toEqual([]);
});

test.each([
  [`ipam: ${'x'.repeat(70)}`, '76 characters, at most 72'],
  ['ipam: allocate; agent: reserve', 'a semicolon joins two changes: make two commits'],
  ['Allocate from the last range', 'begin with a scope in lower case, such as "ipam: "'],
  ['Ipam: allocate', 'begin with a scope in lower case, such as "ipam: "'],
  ['ipam: Allocate from the last range', 'continue in lower case after the scope'],
  ['ipam: the last range comes first', 'continue after the scope with an imperative verb, not "the"'],
  [
    'ipam: allocated from the last range',
    'continue after the scope with an imperative verb, not "allocated"',
  ],
])('subjectProblems() of "%s" is "%s"', (subject, problem) => {
  expect(subjectProblems(subject)).toEqual([problem]);
});
