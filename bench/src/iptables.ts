/**
 * `npm run bench -- iptables`: applies 1,000 declared rules with one ensure() of @cnikit/iptables and with single
 * `iptables -C` and `-A` calls, as wrappers usually do. It samples a few single calls at each tenth of the rules and
 * multiplies their median by a thousand, because all of them would take minutes.
 */
import { spawnSync } from 'node:child_process';
import { type Backend, openIptables, type TableSpec } from '@cnikit/iptables';
import { median, table } from './lib/statistics.ts';

const RULES = 1000;
const ROUNDS = 5;
const SAMPLES_PER_TENTH = 2;

const rule = (i: number): string[] => [
  ...['-s', `10.${i >> 8}.${i & 255}.0/24`, '-p', 'tcp', '--dport', String(1 + i)],
  ...['-m', 'comment', '--comment', `bench rule ${i}`, '-j', 'ACCEPT'],
];
const first = Array.from({ length: RULES }, (_, i) => rule(i));
const oneChanged = first.with(RULES / 2, rule(RULES));
const declare = (rules: readonly string[][]): TableSpec[] => [
  { table: 'filter', chains: { 'BENCH-ONE': rules } },
];

/** Measures an action in milliseconds. */
function time(action: () => void): number {
  const start = performance.now();
  action();
  return performance.now() - start;
}

function single(backend: Backend, verb: '-C' | '-A', argv: readonly string[], status: number): void {
  const run = spawnSync(`iptables-${backend}`, ['-w', '5', verb, 'BENCH-ONE', ...argv], { encoding: 'utf8' });
  if (run.status !== status) {
    throw new Error(`iptables ${verb}: status ${run.status}: ${run.stderr}${run.error ?? ''}`);
  }
}

/** Returns the medians of a -C that finds its rule, a -C that does not, and an -A, while the chain grows. */
function sampleSingles(backend: Backend): { found: number; missing: number; add: number } {
  const samples = { found: [] as number[], missing: [] as number[], add: [] as number[] };
  const ipt = openIptables({ family: 'ipv4', backend, env: process.env });
  for (let size = RULES / 10; size <= RULES; size += RULES / 10) {
    ipt.ensure(declare(first.slice(0, size)));
    for (let i = 0; i < SAMPLES_PER_TENTH; i++) {
      const added = rule(2 * RULES + size + i);
      samples.missing.push(time(() => single(backend, '-C', added, 1)));
      samples.add.push(time(() => single(backend, '-A', added, 0)));
    }
  }
  ipt.ensure(declare(first));
  for (let i = 0; i < RULES; i += RULES / 20) {
    samples.found.push(time(() => single(backend, '-C', first[i] as string[], 0)));
  }
  ipt.remove(declare([]));
  return { found: median(samples.found), missing: median(samples.missing), add: median(samples.add) };
}

/** Measures the three cases with ensure(). Each round starts with a new handle. */
function declared(backend: Backend): { nothing: number; one: number; all: number } {
  const ensure = (rules: readonly string[][]): number => {
    const ipt = openIptables({ family: 'ipv4', backend, env: process.env });
    return time(() => void ipt.ensure(declare(rules)));
  };
  const rounds = Array.from({ length: ROUNDS + 1 }, () => {
    openIptables({ family: 'ipv4', backend, env: process.env }).remove(declare([]));
    return { all: ensure(first), nothing: ensure(first), one: ensure(oneChanged) };
  }).slice(1);
  openIptables({ family: 'ipv4', backend, env: process.env }).remove(declare([]));
  return {
    nothing: median(rounds.map((round) => round.nothing)),
    one: median(rounds.map((round) => round.one)),
    all: median(rounds.map((round) => round.all)),
  };
}

for (const backend of ['nft', 'legacy'] as const) {
  const ours = declared(backend);
  const calls = sampleSingles(backend);
  const cases: [string, number, number][] = [
    ['nothing to do', ours.nothing, RULES * calls.found],
    ['one changed', ours.one, (RULES - 1) * calls.found + calls.missing + calls.add],
    ['all new', ours.all, RULES * (calls.missing + calls.add)],
  ];
  console.log(`\n${RULES} rules, ${backend}, ms: ensure() measured, single calls estimated from samples`);
  console.log(
    table([
      ['', 'ensure()', '-C/-A calls', 'ratio'],
      ...cases.map(([name, mine, theirs]) => [
        name,
        mine.toFixed(1),
        theirs.toFixed(0),
        `${Math.round(theirs / mine)}x`,
      ]),
    ]),
  );
}
