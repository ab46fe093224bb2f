/**
 * `npm run bench -- layout [--rounds=20] [--pods=200,300]`: ADD and DEL of cnikit's layouts `bridge` and `routed`, of its
 * `ptp` and of upstream's `bridge`, on a node without other pods and with many. A program in C makes the system calls of
 * `routed`, which shows what the kernel itself takes more beside many pods; its DEL waits until the kernel has freed the pair. On the empty node the contenders take turns
 * in each round, so that other load affects all alike. With other pods each contender has the node to itself.
 */
import { release } from 'node:os';
import { parseArgs } from 'node:util';
import { CONTENDERS, FLOOR_AT, installPlugins, runOf } from './layout/contenders.ts';
import { type GoalRow, pairRows } from './layout/pair.ts';
import { reachRow } from './layout/reach.ts';
import { type Run, timeRuns } from './lib/exec-timer.ts';
import { median, table } from './lib/statistics.ts';
import { clearNode, referenceVersion, requireSandbox } from './plugin/node.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, pods: { type: 'string', default: '200,300' } },
});
const rounds = Number(values.rounds);
const present = values.pods.split(',').map(Number);
const AT_ONCE = 16;
if (![rounds, ...present].every(Number.isSafeInteger)) {
  console.error('Invalid --rounds or --pods: expected whole numbers, such as --pods=200,300');
  process.exit(2);
}

requireSandbox();
installPlugins();
try {
  console.log(`Upstream: ${referenceVersion()}; Linux ${release()}; dual stack; medians of ${rounds}, in ms`);
  const empty = measureEmpty();
  const measured = CONTENDERS.map((_, at) => new Map([...empty[at]!, ...measure(at)]));
  const base = measured[0]!;
  const rows = [...base.keys()].map((row) => [
    row,
    ...measured.map((one) => {
      const took = median(one.get(row)!);
      return `${took.toFixed(2)} (${(took / median(base.get(row)!)).toFixed(2)}x)`;
    }),
  ]);
  const growth = measured.map((one) => {
    const [first, last] = [0, present.at(-1)].map((pods) => median(one.get(addRow(pods!))!));
    return { ratio: `${(last! / first!).toFixed(2)}x`, more: (last! - first!).toFixed(2) };
  });
  rows.push(
    [`ADD with ${present.at(-1)} pods against none`, ...growth.map(({ ratio }) => ratio)],
    [`ADD with ${present.at(-1)} pods, ms more than with none`, ...growth.map(({ more }) => more)],
  );
  console.log(table([['', ...CONTENDERS.map(({ name }) => name)], ...rows]));
  console.log('\nTwo layouts, in turn');
  const compared = [...addRows(measured), ...pairRows(rounds), reachRow(Math.ceil(rounds / 5))];
  console.log(table([['', 'bridge', 'routed', 'ratio', 'goal', ''], ...compared.map(goalCells)]));
} finally {
  clearNode();
}

/** Returns the goals that ADD's times of {@link CONTENDERS} have. */
function addRows(measured: readonly Map<string, number[]>[]): GoalRow[] {
  const [own, routed] = measured as [Map<string, number[]>, Map<string, number[]>];
  const floor = measured[FLOOR_AT]!;
  const of = (times: Map<string, number[]>, pods: number) => median(times.get(addRow(pods))!);
  const last = present.at(-1)!;
  return [
    {
      title: `${addRow(0)}, ms`,
      bridge: of(own, 0),
      routed: of(routed, 0),
      digits: 2,
      goal: '<= 0.85x',
      met: (ratio) => ratio <= 0.85,
    },
    {
      title: `ADD, ${last} pods present against none`,
      bridge: of(own, last) / of(own, 0),
      routed: of(routed, last) / of(routed, 0),
      digits: 2,
      goal: 'routed <= 1.15',
      met: (_, value) => value <= 1.15,
    },
    {
      title: 'the same without what the calls take more in C',
      routed: (of(routed, last) - of(floor, last) + of(floor, 0)) / of(routed, 0),
      digits: 2,
      goal: 'routed <= 1.15',
      met: (_, value) => value <= 1.15,
    },
  ];
}

function goalCells({ title, bridge, routed, digits, goal, met }: GoalRow): string[] {
  const ratio = bridge === undefined ? Number.NaN : routed / bridge;
  const texts = [bridge, routed].map((value) => value?.toFixed(digits) ?? '');
  const ratioText = bridge === undefined ? '' : `${ratio.toFixed(2)}x`;
  return [title, ...texts, ratioText, goal, met(ratio, routed) ? 'met' : 'not met'];
}

/** Returns the row of an ADD on a node with that many pods. */
function addRow(pods: number): string {
  return `ADD, ${pods} pods present`;
}

/** Measures all contenders on the empty node. */
function measureEmpty(): Map<string, number[]>[] {
  const turn = (_: unknown, at: number) =>
    // The first pod waits for the kernel, which still frees the links of the previous contender.
    ['waits', 'measured'].flatMap((id) =>
      (['ADD', 'DEL'] as const).map((command) => ({
        ...runOf(at, command, id, 0),
        label: `${command} ${at} ${id}`,
      })),
    );
  const timings = timeRuns(Array.from({ length: rounds + 1 }, () => CONTENDERS.flatMap(turn)).flat());
  const inRounds = timings.slice(timings.length / (rounds + 1));
  const of = (label: string) => inRounds.filter((one) => one.label === label).map(({ wallMs }) => wallMs);
  return CONTENDERS.map(
    (_, at) =>
      new Map([
        [addRow(0), of(`ADD ${at} measured`)],
        ['DEL, 0 pods present', of(`DEL ${at} measured`)],
      ]),
  );
}

/** Measures one contender beside other pods, and deletes its pods. */
function measure(at: number): Map<string, number[]> {
  const took = new Map<string, number[]>();
  const residents: Run[] = [];
  let count = 0;
  for (const pods of present) {
    const more = Array.from({ length: pods - count }, (_, i) => count + i);
    count = pods;
    timeRuns(more.map((i) => runOf(at, 'ADD', `resident${i}`, AT_ONCE + i)));
    residents.push(...more.map((i) => runOf(at, 'DEL', `resident${i}`, AT_ONCE + i)));
    const runs = Array.from({ length: rounds + 1 }, (_, i) => [
      runOf(at, 'ADD', `round${i}`, 0),
      runOf(at, 'DEL', `round${i}`, 0),
    ]).flat();
    const timings = timeRuns(runs).slice(2);
    const of = (label: string) => timings.filter((one) => one.label === label).map(({ wallMs }) => wallMs);
    took.set(addRow(pods), of('ADD')).set(`DEL, ${pods} pods present`, of('DEL'));
  }
  const many = Array.from({ length: AT_ONCE }, (_, i) => i);
  const together = Array.from({ length: Math.ceil(rounds / 4) }, (_, round) => {
    // One more pod waits for the kernel, which still frees the links of the previous round.
    const waits = runOf(at, 'ADD', `waits${round}`, AT_ONCE + count);
    const [, first] = timeRuns([
      waits,
      ...many.map((i) => runOf(at, 'ADD', `many${round}-${i}`, i, `round${round}`)),
    ]);
    timeRuns([
      ...many.map((i) => runOf(at, 'DEL', `many${round}-${i}`, i)),
      runOf(at, 'DEL', `waits${round}`, AT_ONCE + count),
    ]);
    return first!.groupMs;
  });
  took.set(`${AT_ONCE} ADDs at once, ${count} pods present`, together);
  timeRuns(residents);
  return took;
}
