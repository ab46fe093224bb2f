/**
 * `npm run bench -- plugin`: compares cnikit's static executable with the reference plugins. They alternate, so that
 * other load on the machine affects both. Compare ratios: milliseconds depend on the machine and its load.
 *
 * `--against=FILE` adds another build of the executable, and a table of both builds and the reference.
 * `--json=FILE` writes the figures of the first table for `npm run bench -- chart`.
 *
 * CNIKIT_BENCH_ROUNDS sets the number of rounds (200). CNIKIT_BENCH_ONLY selects the rows whose title contains its text.
 */
import { existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { executablePath } from '@cnikit/plugin';
import type { ChartRow } from './lib/chart.ts';
import { compiledFloor, timeRuns } from './lib/exec-timer.ts';
import { median, quantile, table } from './lib/statistics.ts';
import {
  type Case,
  casesOfPlugin,
  floor,
  MULTI_CALL,
  masqueradedBridge,
  type Name,
  plainBridge,
} from './plugin/cases.ts';
import { figures } from './plugin/figures.ts';
import {
  AGAINST,
  clearNode,
  DATA_DIR,
  JSON_FILE,
  podNetns,
  REFERENCE,
  referenceVersion,
  requireSandbox,
} from './plugin/node.ts';
import {
  addResidents,
  atOnce,
  type Command,
  labelOf,
  type Measured,
  measure,
  runsOf,
  trouble,
} from './plugin/runs.ts';

const ROUNDS = Number(process.env.CNIKIT_BENCH_ROUNDS ?? 200);
const ONLY = process.env.CNIKIT_BENCH_ONLY ?? '';
const AT_ONCE = 16;
const PRESENT = 250;
/** Rows that a contender does not support, with the reason. */
const notMeasured: string[] = [];
/** Rows of both builds, with --against. */
const builds: string[][] = [];
/** Rows of the chart, with --json. */
const chart: ChartRow[] = [];
/** Goals with --against: how many times faster than the reference, or the largest share of the other build's time. */
const BUILD_GOALS: Readonly<Record<string, { reference?: number; against?: number }>> = {
  'ADD bridge': { against: 0.75 },
  'ADD + bandwidth': { reference: 20 },
  [`${AT_ONCE} ADDs at once, bridge`]: { reference: 6 },
  [`${AT_ONCE} ADDs at once, bridge + ipMasq`]: { reference: 14 },
};
const HEADER = ['', 'cnikit ms', 'p95', 'reference ms', 'p95', 'ratio', 'at best', 'goal', ''];

function main(): void {
  requireSandbox();
  if (!existsSync(`${REFERENCE}/bridge`)) {
    throw new Error(`${REFERENCE} is missing`);
  }
  mkdirSync(`${DATA_DIR}/bin`, { recursive: true });
  mkdirSync(`${DATA_DIR}/against`, { recursive: true });
  for (const name of MULTI_CALL) {
    symlinkSync(executablePath(), `${DATA_DIR}/bin/${name}`);
    if (AGAINST !== undefined) {
      symlinkSync(AGAINST, `${DATA_DIR}/against/${name}`);
    }
  }
  try {
    const { version, arch } = process;
    console.log(`Reference: ${referenceVersion()}, ipMasq and portMappings by iptables, its default`);
    console.log(
      `Linux ${release()} ${arch}, ${cpus().length} processors, timed by a C program; Node ${version}`,
    );
    console.log(`${ROUNDS} rounds each, in turn; from fork to exit, median and 95th percentile`);
    console.log('ratio: time of the reference (sum of its plugins) divided by time of cnikit;');
    console.log('at best: the ratio of the shortest times\n');
    // The pods of crowded() stay, so nothing follows it.
    const rows = [...sequential(), ...concurrent(), ...crowded()];
    console.log(table([HEADER, ...rows]));
    if (builds.length > 0) {
      console.log(`\nOther build: ${AGAINST}; shares are times of this build divided by the other time`);
      const header = ['', 'this ms', 'other ms', 'reference ms', 'of other', 'at best', 'of reference'];
      console.log(table([[...header, 'goal', ''], ...builds]));
    }
    if (JSON_FILE !== undefined) {
      writeFileSync(JSON_FILE, `${JSON.stringify(figures(chart, ROUNDS), null, 2)}\n`);
    }
    if (notMeasured.length > 0) {
      console.log(`\nNot measured:\n${notMeasured.join('\n')}`);
    }
  } finally {
    clearNode();
  }
}

/** Measures one pod at a time. */
function sequential(): string[][] {
  const cases = casesOfPlugin().filter((one) => one.title.includes(ONLY) && isServed(one));
  const [first] = cases;
  if (first === undefined) {
    return [];
  }
  addResidents(cases);
  const hasFloor = 'bridge' in ours(first).steps[0]!.conf;
  const withFloor = hasFloor ? [floor(compiledFloor('add-floor'), ours(first))] : [];
  const measured = measure(
    [{ ...first, contenders: [...first.contenders, ...withFloor] }, ...cases.slice(1)],
    ROUNDS,
  );
  const goalOfVersion = (ratio: number) => verdict('<= 0.4x the time', 1 / ratio <= 0.4);
  return [
    comparison('VERSION', measured, first.title, 'VERSION', goalOfVersion),
    ...cases.flatMap(({ title, addGoal }) => [
      comparison(`ADD ${title}`, measured, title, 'ADD', (ratio) =>
        addGoal === undefined ? ['', ''] : verdict(`>= ${addGoal}x`, ratio >= addGoal),
      ),
      comparison(`DEL ${title}`, measured, title, 'DEL', () => againstFloor(measured, first.title, title)),
    ]),
    ...(hasFloor ? floors(measured, first.title) : []),
    ...sizes(measured, first.title),
  ];
}

function isServed(one: Case): boolean {
  const why = trouble(one);
  if (why !== undefined) {
    notMeasured.push(`  ${one.title}: ${why}`);
  }
  return why === undefined;
}

const ours = ({ contenders }: Case) => contenders[0] as Case['contenders'][number];

function comparison(
  text: string,
  { wallMs }: Measured,
  title: string,
  command: Command,
  goal: (ratio: number) => [string, string],
): string[] {
  const of = (name: Name) => wallMs.get(labelOf(title, command, name)) ?? [];
  compareBuilds(text, { cnikit: of('cnikit'), reference: of('reference'), against: of('against') });
  return compared(text, of('cnikit'), of('reference'), goal);
}

/** Notes the row for the chart, and adds a row of both builds. Without another goal a change may cost 3 %. */
function compareBuilds(text: string, times: Partial<Record<Name, readonly number[]>>): void {
  const { cnikit: own = [], reference = [], against = [] } = times;
  const ms = (all: readonly number[]) => Math.round(median(all) * 100) / 100;
  chart.push({ title: text, values: [own, reference, against].filter(({ length }) => length > 0).map(ms) });
  if (against.length === 0) {
    return;
  }
  const ofOther = median(own) / median(against);
  const ofReference = median(own) / median(reference);
  const { reference: speedup = 0, against: limit = 1.03 } = BUILD_GOALS[text] ?? {};
  const goal = speedup === 0 ? `<= ${limit}x of other` : `reference >= ${speedup}x`;
  builds.push([
    text,
    ...[own, against, reference].map((all) => median(all).toFixed(2)),
    `${ofOther.toFixed(2)}x`,
    `${(Math.min(...own) / Math.min(...against)).toFixed(2)}x`,
    `${ofReference.toFixed(2)}x`,
    ...verdict(goal, speedup === 0 ? ofOther <= limit : 1 / ofReference >= speedup),
  ]);
}

function compared(
  text: string,
  cnikit: readonly number[],
  reference: readonly number[],
  goal: (ratio: number) => [string, string],
): string[] {
  const ratio = median(reference) / median(cnikit);
  const numbers = [cnikit, reference].flatMap((all) => [
    median(all).toFixed(2),
    quantile(all, 0.95).toFixed(2),
  ]);
  // Compare the shortest times: the difference without other load on the machine.
  const best = Math.min(...reference) / Math.min(...cnikit);
  return [text, ...numbers, `${ratio.toFixed(1)}x`, `${best.toFixed(1)}x`, ...goal(ratio)];
}

function verdict(goal: string, met: boolean): [string, string] {
  return [goal, met ? 'met' : 'not met'];
}

function againstFloor({ wallMs }: Measured, floorTitle: string, title: string): [string, string] {
  const ofKernel = wallMs.get(labelOf(floorTitle, 'DEL', 'floor'));
  if (title === 'loopback' || ofKernel === undefined) {
    return ['', ''];
  }
  const kernel = median(ofKernel);
  const share = median(wallMs.get(labelOf(title, 'DEL', 'cnikit')) ?? []) / kernel;
  return verdict(`<= 1.2x the kernel's (${share.toFixed(2)}x)`, share <= 1.2);
}

/** Measures the same system calls from C as a lower bound. */
function floors({ wallMs }: Measured, title: string): string[][] {
  const of = (command: Command, name: Name) => median(wallMs.get(labelOf(title, command, name)) ?? []);
  const share = of('ADD', 'cnikit') / of('ADD', 'floor');
  const [goal, met] = verdict(`<= 1.6x the floor (${share.toFixed(2)}x)`, share <= 1.6);
  return [
    ['floor: nothing but a start, C', of('VERSION', 'floor').toFixed(2)],
    ["floor: ADD bridge's system calls, C", of('ADD', 'floor').toFixed(2), '', '', '', '', '', goal, met],
    ["floor: DEL bridge's: the kernel's RTM_DELLINK", of('DEL', 'floor').toFixed(2)],
  ];
}

function sizes({ maxRssKiB }: Measured, title: string): string[][] {
  const rss = (name: Name) => (maxRssKiB.get(labelOf(title, 'ADD', name)) ?? 0) / 1024;
  const ratio = rss('reference') / rss('cnikit');
  const bytes = statSync(executablePath()).size;
  return [
    [
      'ADD, largest resident set, MiB',
      rss('cnikit').toFixed(2),
      '',
      rss('reference').toFixed(2),
      '',
      `${ratio.toFixed(1)}x`,
      '',
      ...verdict('<= 2/3', ratio >= 1.5),
    ],
    ['executable, MB', (bytes / 1e6).toFixed(2), '', '', '', '', '', ...verdict('<= 2', bytes <= 2e6)],
  ];
}

/** Measures one more pod on a node with many. */
function crowded(): string[][] {
  const title = `with ${PRESENT} pods present`;
  if (!title.includes(ONLY)) {
    return [];
  }
  const present = { ...plainBridge(), title };
  for (const contender of present.contenders) {
    const pods = Array.from({ length: PRESENT }, (_, i) => ({ id: `present${i}`, netns: podNetns(100 + i) }));
    // The contenders share the namespaces and use different interface names.
    const CNI_IFNAME = `eth${present.contenders.indexOf(contender) + 1}`;
    timeRuns(pods.flatMap((pod) => runsOf(title, { ...contender, env: { CNI_IFNAME } }, 'ADD', pod)));
  }
  const alone = plainBridge();
  const measured = measure([alone, present], Math.ceil(ROUNDS / 2));
  const of = (name: string) => median(measured.wallMs.get(labelOf(name, 'ADD', 'cnikit')) ?? []);
  const share = of(title) / of(alone.title);
  return [
    comparison(`ADD ${title}`, measured, title, 'ADD', () =>
      verdict(`as without (${share.toFixed(2)}x)`, share <= 1.1),
    ),
    comparison(`DEL ${title}`, measured, title, 'DEL', () => ['', '']),
  ];
}

/** Measures many concurrent pods. */
function concurrent(): string[][] {
  const rounds = Math.max(3, Math.ceil(ROUNDS / 10));
  const goals: [Case, number][] = [
    [plainBridge(), 5],
    [masqueradedBridge(), 12],
  ];
  return goals.flatMap(([one, goal]) => {
    const text = `${AT_ONCE} ADDs at once, ${one.title}`;
    if (!text.includes(ONLY) || !isServed(one)) {
      return [];
    }
    const took = atOnce(one, AT_ONCE, rounds);
    const of = (name: Name) => took.get(name) ?? [];
    compareBuilds(text, { cnikit: of('cnikit'), reference: of('reference'), against: of('against') });
    return [compared(text, of('cnikit'), of('reference'), (ratio) => verdict(`>= ${goal}x`, ratio >= goal))];
  });
}

main();
