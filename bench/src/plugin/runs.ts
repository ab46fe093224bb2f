/** Converts cases to runs of programs, and timings to results of cases. */
import { type Run, type Timing, timeRuns } from '../lib/exec-timer.ts';
import type { Case, Contender, Name } from './cases.ts';
import { podNetns, REFERENCE } from './node.ts';

export type Command = 'VERSION' | 'ADD' | 'DEL';

/** Returns the runs of one command for one pod. Each step of ADD gets the result of the previous step. */
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
    // As runtimes do since CNI 0.4.0.
    ...(command === 'DEL' ? { prevResult: key(steps.length - 1) } : {}),
    group,
  }));
}

export function labelOf(title: string, command: Command, name: Name): string {
  return `${command} ${title}: ${name}`;
}

/**
 * Adds a pod to each network that stays until the sandbox ends. The first pod of a node creates the tables of rules and
 * the last one removes them, but few pods are first or last.
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

/** Index of the first namespace. */
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

/** Runs all commands of all contenders in alternation: `rounds` times after a warm-up round. */
export function measure(cases: readonly Case[], rounds: number): Measured {
  const round = (i: number) =>
    cases.flatMap(({ title, contenders }) =>
      // Rotate the order: the kernel is still busy with objects that the previous contender has deleted.
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

/** Returns one number per invocation, by label. Adds up the plugins of a list. */
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

/** Tries the case with one pod. Returns undefined if every contender supports it, else the first error. */
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

/** Measures `pods` concurrent ADDs in milliseconds, then deletes the pods. */
export function atOnce({ title, contenders }: Case, pods: number, rounds: number): Map<string, number[]> {
  const took = new Map<string, number[]>();
  const podList = Array.from({ length: pods }, (_, i) => i);
  for (let round = 0; round <= rounds; round++) {
    for (const contender of contenders) {
      const of = (command: Command, ids: readonly number[], group?: string) =>
        ids.flatMap((pod) =>
          runsOf(title, contender, command, {
            id: `many${round}-${pod}`,
            netns: podNetns(pod),
            group,
          }),
        );
      // The last pod waits for the kernel, which still frees the links of the previous contender.
      const waits = of('ADD', [pods]);
      const runs = [...waits, ...of('ADD', podList, `round${round}`), ...of('DEL', [...podList, pods])];
      const first = timeRuns(runs)[waits.length];
      if (round === 0) {
        continue;
      }
      took.set(contender.name, [...(took.get(contender.name) ?? []), first?.groupMs ?? 0]);
    }
  }
  return took;
}
