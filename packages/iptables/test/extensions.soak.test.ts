/**
 * Rules with every extension of this machine's iptables: `ensure()` writes each once, or nothing.
 * CNIKIT_SOAK_SEED repeats a run.
 */
import { readdirSync } from 'node:fs';
import process from 'node:process';
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { soakSeed, soakSize } from '../../../vitest.soak.ts';
import { type Backend, declareRule, type Family, openIptables, type TableName } from '../src/index.ts';
import { EXTENSIONS, everyValue, someOptions } from './extension-rules.ts';
import { must, realHost, realRun } from './real-host.ts';

const sandboxed = process.env.CNIKIT_SANDBOX === '1';
const RULES = soakSize(150, 1000);
const SEED = soakSeed(20_261);
const LIBRARIES = '/usr/lib/x86_64-linux-gnu/xtables';

interface Case {
  readonly table: TableName;
  readonly rule: readonly string[];
}

/** Draws the rules of a family: one of each extension at least. */
function draw(family: Family): Case[] {
  const all = EXTENSIONS.filter((one) => (one.family ?? family) === family).flatMap((one, i) => {
    const values = everyValue(one);
    const random = fc.sample(someOptions(one), { numRuns: 10, seed: SEED + i });
    return [...values, ...random].map((rule) => ({ table: one.table ?? 'filter', rule }) as const);
  });
  return fc
    .sample(fc.shuffledSubarray(all, { minLength: Math.min(RULES, all.length) }), {
      numRuns: 1,
      seed: SEED,
    })[0]!
    .slice(0, RULES);
}

/** Returns the cases that iptables itself accepts. Those that `declareRule()` refuses are not among them. */
function accepted(restore: string, family: Family, cases: readonly Case[]): Case[] {
  const lines = cases.flatMap((one) => {
    try {
      return [{ one, text: declareRule(one.rule, family).input }];
    } catch {
      return [];
    }
  });
  const attempt = (table: TableName, some: readonly (typeof lines)[number][]): Case[] => {
    const payload = [`*${table}`, ':T - [0:0]', ...some.map(({ text }) => `-A T ${text}`), 'COMMIT', ''];
    const { status, stderr } = realRun([restore, '--noflush'], payload.join('\n'));
    if (status === 0) {
      return some.map(({ one }) => one);
    }
    const bad = Number(/line:? (\d+)/.exec(stderr)?.[1]) - 3;
    if (bad >= 0 && bad < some.length) {
      return [...attempt(table, some.slice(0, bad)), ...attempt(table, some.slice(bad + 1))];
    }
    if (some.length <= 1) {
      return [];
    }
    const half = some.length >> 1;
    return [...attempt(table, some.slice(0, half)), ...attempt(table, some.slice(half))];
  };
  return [...new Set(cases.map(({ table }) => table))].flatMap((table) =>
    attempt(
      table,
      lines.filter(({ one }) => one.table === table),
    ),
  );
}

/** Declares each rule in a separate chain, so that no rule hides another. */
function declare(cases: readonly Case[]) {
  return [...new Set(cases.map(({ table }) => table))].map((table) => ({
    table,
    chains: Object.fromEntries(
      cases.filter((one) => one.table === table).map(({ rule }, i) => [`T${i}`, [rule]]),
    ),
  }));
}

describe.skipIf(!sandboxed)('iptables extensions (needs the sandbox: run npm test at the root)', () => {
  beforeEach(() => {
    realHost();
    must('ipset create -exist libs hash:ip');
  });

  for (const backend of ['nft', 'legacy'] as Backend[]) {
    for (const family of ['ipv4', 'ipv6'] as const) {
      test(`ensure() writes rules with any extension once, also in another process, ${backend}, ${family} (CNIKIT_SOAK_SEED=${SEED})`, {
        timeout: 600_000,
      }, () => {
        const stem = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${backend}`;
        const cases = accepted(`${stem}-restore`, family, draw(family));
        realHost();
        const tables = declare(cases);
        const open = () => openIptables({ family, backend, env: {} });
        const first = open();
        expect(first.ensure(tables).changed).toBe(true);
        const counted = must(`${stem}-save`).replaceAll(/^#.*$/gm, '');
        expect(first.ensure(tables)).toEqual({ changed: false, diff: [] });
        expect(open().plan(tables).diff).toEqual([]);
        expect(open().ensure(tables)).toEqual({ changed: false, diff: [] });
        expect(must(`${stem}-save`).replaceAll(/^#.*$/gm, '')).toBe(counted);
      });
    }
  }
});

test('EXTENSIONS has every extension of the installed iptables', ({ skip }) => {
  let files: string[] = [];
  try {
    files = readdirSync(LIBRARIES);
  } catch {
    skip(`${LIBRARIES} does not exist`);
  }
  const installed = files.flatMap((file) => /^lib(?:xt|ipt|ip6t)_(.*)\.so$/.exec(file)?.slice(1) ?? []);
  const known = new Set(EXTENSIONS.map(({ name }) => name));
  // The library of the targets without options, and a name that only the program uses.
  const internal = ['standard', 'NAT'];
  expect(installed.filter((name) => !known.has(name) && !internal.includes(name))).toEqual([]);
});
