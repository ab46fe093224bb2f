/** Compares how long many pods that start at once take until all reach the node and other new pods. */
import { timeRuns } from '../lib/exec-timer.ts';
import { median } from '../lib/statistics.ts';
import { podNetns } from '../plugin/node.ts';
import { NODE, runOf } from './contenders.ts';
import { type GoalRow, LAYOUTS, podTraffic } from './pair.ts';

const STARTED = 100;
const PRESENT = 200;
/** Index of the first namespace of the pods that are present. */
const FIRST_PRESENT = 100;

/** Returns the row. Each layout has the node to itself. */
export function reachRow(rounds: number): GoalRow {
  const [bridge, routed] = LAYOUTS.map((at) => median(reachTimes(at, rounds)));
  return {
    title: `${STARTED} pods at once beside ${PRESENT}, until each reaches the node and two of them, ms`,
    bridge: bridge!,
    routed: routed!,
    digits: 0,
    goal: '<= 0.3x',
    met: (ratio) => ratio <= 0.3,
  };
}

function reachTimes(at: number, rounds: number): number[] {
  const present = Array.from({ length: PRESENT }, (_, i) => FIRST_PRESENT + i);
  const started = Array.from({ length: STARTED }, (_, i) => FIRST_PRESENT + PRESENT + i);
  const resident = (command: 'ADD' | 'DEL') =>
    timeRuns(present.map((pod) => runOf(at, command, `resident${pod}`, pod)));
  resident('ADD');
  const times = Array.from({ length: rounds }, (_, round) => {
    const runs = (command: 'ADD' | 'DEL', group?: string) =>
      timeRuns(started.map((pod) => runOf(at, command, `started${round}-${pod}`, pod, group)));
    const [first] = runs('ADD', `start${round}`);
    const [reached] = podTraffic('all', NODE, ...started.map(podNetns));
    runs('DEL');
    return first!.groupMs + reached!;
  });
  resident('DEL');
  return times;
}
