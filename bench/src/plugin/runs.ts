/** A case as runs of programs, and the timings put together again. */
import { type Run, type Timing, timeRuns } from '../lib/exec-timer.ts';
import type { Case, Contender, Name } from './cases.ts';
import { podNetns, REFERENCE } from './node.ts';

export type Command = 'VERSION' | 'ADD' | 'DEL';

/** What a runtime runs for one command and one pod: the steps of ADD in order, each with the result of the one before. */
export function runsOf(
  title: string,
  { name, steps, env }: Contender,
  command: Command,
  { id, netns = podNetns(0), group }: { id: string; netns?: string; group?: string },
): Run[] {
  const ordered = [...steps.entries()];
  if (command === 'DEL') {
    ordered.reverse();
  }
  const key = (i: number) => `${name}-${title}-${id}-${i}`.replaceAll(/[^\w-]/g, '_');
  return ordered.map(([i, { program, conf }]) => ({
    label: labelOf(title, command, name),
    program,
    input: conf,
    env: {
      CNI_COMMAND: command,
      CNI_CONTAINERID: id,
      CNI_NETNS: netns,
      CNI_IFNAME: 'eth0',
      CNI_PATH: REFERENCE,
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      ...env,
    },
    ...(command === 'ADD' ? { output: key(i), ...(i > 0 ? { prevResult: key(i - 1) } : {}) } : {}),
    ...(command === 'DEL' && steps.length > 1 ? { prevResult: key(steps.length - 1) } : {}),
    ...(group === undefined ? {} : { group }),
  }));
}

export function labelOf(title: string, command: Command, name: Name): string {
  return `${command} ${title}: ${name}`;
}

/**
 * Gives each network another pod, which goes with the sandbox: a node's first pod makes the tables of rules, and its last
 * one takes them away again, and few pods are either.
 */
export function addResidents(cases: readonly Case[]): void {
  const all = cases.flatMap(({ title, contenders }) => contenders.map((contender) => ({ title, contender })));
  timeRuns(
    all.flatMap(({ title, contender }, i) =>
      runsOf(title, withOtherPorts(contender, i + 1), 'ADD', {
        id: 'resident',
        netns: podNetns(RESIDENTS + i),
      }),
    ),
  );
}

/** Where their namespaces begin. */
const RESIDENTS = 500;

function withOtherPorts(contender: Contender, more: number): Contender {
  const steps = contender.steps.map(({ program, conf }) => {
    const { runtimeConfig } = conf as { runtimeConfig?: { portMappings?: { hostPort: number }[] } };
    const portMappings = runtimeConfig?.portMappings?.map((one) => ({
      ...one,
      hostPort: one.hostPort + more,
    }));
    return {
      program,
      conf: portMappings ? { ...conf, runtimeConfig: { ...runtimeConfig, portMappings } } : conf,
    };
  });
  return { ...contender, steps };
}

/** Each command of each contender of each case in turn, `rounds` times after one that is not counted. */
export function measure(cases: readonly Case[], rounds: number): Measured {
  const round = (i: number) =>
    cases.flatMap(({ title, contenders }) =>
      // Each is first in its turn: the kernel is still busy with what the one before it has deleted.
      [...contenders.slice(i % contenders.length), ...contenders.slice(0, i % contenders.length)].flatMap(
        (contender) =>
          (['VERSION', 'ADD', 'DEL'] as const)
            .filter((command) => command !== 'VERSION' || title === cases[0]?.title)
            .flatMap((command) => runsOf(title, contender, command, { id: `round${i}` })),
      ),
    );
  timeRuns(round(0));
  const runs = Array.from({ length: rounds }, (_, i) => round(i + 1)).flat();
  return collect(runs, timeRuns(runs));
}

/** By label, one number for each invocation: a list's plugins are added up. */
export interface Measured {
  wallMs: Map<string, number[]>;
  maxRssKiB: Map<string, number>;
}

function collect(runs: readonly Run[], timings: readonly Timing[]): Measured {
  const measured: Measured = { wallMs: new Map(), maxRssKiB: new Map() };
  let last: Run | undefined;
  for (const [i, { label, wallMs, maxRssKiB }] of timings.entries()) {
    const run = runs[i] as Run;
    const all = measured.wallMs.get(label) ?? [];
    const goesOn =
      last?.label === label && last.env.CNI_CONTAINERID === run.env.CNI_CONTAINERID && all.length > 0;
    if (goesOn) {
      all[all.length - 1] = (all.at(-1) as number) + wallMs;
    } else {
      all.push(wallMs);
    }
    measured.wallMs.set(label, all);
    measured.maxRssKiB.set(label, Math.max(measured.maxRssKiB.get(label) ?? 0, maxRssKiB));
    last = run;
  }
  return measured;
}

/** Whether every contender serves the case, tried by one pod; else the first sentence that says why not. */
export function trouble({ title, contenders }: Case): string | undefined {
  try {
    for (const contender of contenders) {
      timeRuns([
        ...runsOf(title, contender, 'ADD', { id: 'trial' }),
        ...runsOf(title, contender, 'DEL', { id: 'trial' }),
      ]);
    }
    return undefined;
  } catch (error) {
    return (error as Error).message.trim();
  }
}

/** Milliseconds that `pods` ADDs take which start together; everything is deleted again. */
export function atOnce({ title, contenders }: Case, pods: number, rounds: number): Map<string, number[]> {
  const took = new Map<string, number[]>();
  const podList = Array.from({ length: pods }, (_, i) => i);
  for (let round = 0; round <= rounds; round++) {
    for (const contender of contenders) {
      const of = (command: Command, group?: string) =>
        podList.flatMap((pod) =>
          runsOf(title, contender, command, {
            id: `many${round}-${pod}`,
            netns: podNetns(pod),
            ...(group === undefined ? {} : { group }),
          }),
        );
      const [first] = timeRuns(of('ADD', `round${round}`));
      timeRuns(of('DEL'));
      if (round === 0) {
        continue;
      }
      took.set(contender.name, [...(took.get(contender.name) ?? []), first?.groupMs ?? 0]);
    }
  }
  return took;
}
