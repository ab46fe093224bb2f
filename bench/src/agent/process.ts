/** Measures built agents as processes in a pod, in turn: start, memory, heartbeats. */
import { setTimeout as pause } from 'node:timers/promises';
import { median } from '../lib/statistics.ts';
import { nodeObject, type RunningAgent, type Server, startAgent, startServer } from './cluster.ts';

/** Nodes of the small cluster. */
export const SMALL = 100;
export const HEARTBEATS = { perSecond: 500, seconds: 30 };
/** The agent saves its state and returns the memory of its start by then. */
const IDLE_MS = 6000;
/** At most as many at once as the backlog of a socket holds. */
const BURST = 50;

/** Times in milliseconds, memory in MB. */
export interface ProcessFigures {
  small: StartFigures;
  large: StartFigures;
  /** Heartbeats that the server sent in a second. */
  rate: number;
  /** Processor time of one heartbeat, in microseconds. */
  heartbeatUs: number;
  /** Processor time of all heartbeats, in percent of one core. */
  share: number;
  /** Resident memory after the heartbeats. */
  after: number;
}

interface StartFigures {
  readyMs: number;
  readyCpuMs: number;
  peak: number;
  idle: number;
}

/** Returns the figures of each program, in the same order. */
export async function measureProcesses(
  programs: readonly string[],
  count: number,
  rounds: number,
): Promise<ProcessFigures[]> {
  const small = await startServer(SMALL);
  const smallStarts = await measureStarts(programs, rounds);
  await small.stop();
  const large = await startServer(count);
  const largeStarts = await measureStarts(programs, rounds);
  const figures: ProcessFigures[] = [];
  for (const [i, program] of programs.entries()) {
    const agent = await startAgent([], [], program);
    await idleMemory(agent);
    figures.push({
      small: smallStarts[i]!,
      large: largeStarts[i]!,
      ...(await heartbeats(agent, large, count)),
      after: agent.memory().rss,
    });
    await agent.stop();
  }
  await large.stop();
  return figures;
}

/** Starts the programs in turn. Returns medians of the times, and the memory in the last round. */
async function measureStarts(programs: readonly string[], rounds: number): Promise<StartFigures[]> {
  const starts = programs.map((program) => ({ program, wall: [] as number[], cpu: [] as number[] }));
  const memory: { peak: number; idle: number }[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const { program, wall, cpu } of starts) {
      const agent = await startAgent([], [], program);
      wall.push(agent.readyMs);
      cpu.push(agent.readyCpuMs);
      if (round === rounds - 1) {
        memory.push(await idleMemory(agent));
      }
      await agent.stop();
    }
  }
  return starts.map(({ wall, cpu }, i) => ({
    readyMs: median(wall),
    readyCpuMs: median(cpu),
    ...memory[i]!,
  }));
}

/** Returns the memory of an agent once it is idle, in MB. */
export async function idleMemory(agent: RunningAgent): Promise<{ peak: number; idle: number }> {
  await pause(IDLE_MS);
  const { rss, peak } = agent.memory();
  return { peak, idle: rss };
}

async function heartbeats(
  agent: RunningAgent,
  { control }: Server,
  count: number,
): Promise<Pick<ProcessFigures, 'rate' | 'heartbeatUs' | 'share'>> {
  const total = HEARTBEATS.perSecond * HEARTBEATS.seconds;
  const before = { cpuMs: agent.cpuMs(), at: performance.now() };
  for (let beat = 0; beat < total; ) {
    const due = Math.floor(((performance.now() - before.at) / 1000) * HEARTBEATS.perSecond);
    const burst: Promise<unknown>[] = [];
    for (; beat < Math.min(due, total) && burst.length < BURST; beat++) {
      burst.push(control.nodes.put(heartbeat(beat, count)));
    }
    await Promise.all(burst);
    // Spread the updates as independent kubelets do.
    await pause(1);
  }
  const seconds = (performance.now() - before.at) / 1000;
  const cpuMs = agent.cpuMs() - before.cpuMs;
  return { rate: total / seconds, heartbeatUs: (cpuMs * 1000) / total, share: cpuMs / 10 / seconds };
}

let sent = 0;

/** Returns a Node whose changes concern no field that the agent uses. */
function heartbeat(beat: number, count: number): ReturnType<typeof nodeObject> {
  const node = nodeObject(1 + (beat % count));
  sent++;
  for (const condition of node.status.conditions) {
    condition.lastHeartbeatTime = new Date(1_767_225_600_000 + sent * 1000).toISOString();
  }
  return node;
}
