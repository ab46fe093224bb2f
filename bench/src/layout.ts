/**
 * `npm run bench -- layout [--rounds=20] [--pods=200,300]`: ADD and DEL of cnikit's layouts `bridge` and `routed`, of its
 * `ptp` and of upstream's `bridge`, on a node without other pods and with many. On the empty node the contenders take turns
 * in each round, so that other load affects all alike. With other pods each contender has the node to itself.
 */
import { mkdirSync, symlinkSync } from 'node:fs';
import { release } from 'node:os';
import { parseArgs } from 'node:util';
import { executablePath } from '@cnikit/plugin';
import { type Run, timeRuns } from './lib/exec-timer.ts';
import { median, table } from './lib/statistics.ts';
import { clearNode, DATA_DIR, podNetns, REFERENCE, referenceVersion, requireSandbox } from './plugin/node.ts';

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

interface Contender {
  name: string;
  program: string;
  conf: object;
}

const BIN = `${DATA_DIR}/bin`;
const bridge = { isDefaultGateway: true, hairpinMode: true };
const CONTENDERS: readonly Contender[] = [
  { name: 'bridge', program: `${BIN}/cnikit`, conf: { type: 'cnikit', ...bridge } },
  { name: 'routed', program: `${BIN}/cnikit`, conf: { type: 'cnikit', ...bridge, layout: 'routed' } },
  { name: 'ptp', program: `${BIN}/ptp`, conf: { type: 'ptp' } },
  { name: "upstream's bridge", program: `${REFERENCE}/bridge`, conf: { type: 'bridge', ...bridge } },
];

requireSandbox();
mkdirSync(BIN, { recursive: true });
for (const name of ['cnikit', 'ptp']) {
  symlinkSync(executablePath(), `${BIN}/${name}`);
}
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
    return `${(last! / first!).toFixed(2)}x`;
  });
  rows.push([`ADD with ${present.at(-1)} pods against none`, ...growth]);
  console.log(table([['', ...CONTENDERS.map(({ name }) => name)], ...rows]));
} finally {
  clearNode();
}

/** Returns the row of an ADD on a node with that many pods. */
function addRow(pods: number): string {
  return `ADD, ${pods} pods present`;
}

/** Measures all contenders on the empty node. */
function measureEmpty(): Map<string, number[]>[] {
  const turn = (_: Contender, at: number) =>
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
    const [first] = timeRuns(many.map((i) => runOf(at, 'ADD', `many${round}-${i}`, i, `round${round}`)));
    timeRuns(many.map((i) => runOf(at, 'DEL', `many${round}-${i}`, i)));
    return first!.groupMs;
  });
  took.set(`${AT_ONCE} ADDs at once, ${count} pods present`, together);
  timeRuns(residents);
  return took;
}

function runOf(at: number, command: 'ADD' | 'DEL', id: string, pod: number, group?: string): Run {
  const { name, program, conf } = CONTENDERS[at]!;
  return {
    label: command,
    program,
    input: {
      cniVersion: '1.0.0',
      name: `bench${at}`,
      ...conf,
      ...(name !== 'ptp' && { bridge: `bench${at}` }),
      ipam: {
        type: 'host-local',
        dataDir: `${DATA_DIR}/${at}`,
        ranges: [[{ subnet: `10.${100 + at}.0.0/20` }], [{ subnet: `fd00:${at + 1}::/64` }]],
        // The others have isDefaultGateway; upstream refuses both.
        ...(name === 'ptp' && { routes: [{ dst: '0.0.0.0/0' }, { dst: '::/0' }] }),
      },
    },
    env: {
      CNI_COMMAND: command,
      CNI_CONTAINERID: id,
      CNI_NETNS: podNetns(pod),
      CNI_IFNAME: 'eth0',
      CNI_PATH: REFERENCE,
    },
    ...(group === undefined ? {} : { group }),
  };
}
