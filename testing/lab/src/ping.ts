import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { LabError } from './errors.ts';
import type { Place } from './place.ts';

/**
 * Whether an address answers: true at the first reply, false when none came within `timeoutMs` (rounded up to
 * seconds) of asking five times a second.
 */
export async function ping(place: Place, address: string, { timeoutMs = 3_000 } = {}): Promise<boolean> {
  const deadline = Math.ceil(timeoutMs / 1000);
  const argv = ['ping', '-n', '-q', '-c', '1', '-i', '0.2', '-w', String(deadline), address];
  return (await place.exec(argv, { timeoutMs: timeoutMs + 10_000 })).status === 0;
}

/** How long {@link SteadyPing.more} waits. */
const MORE_MS = 10_000;

/** A ping that goes on. */
export interface SteadyPing {
  /** Waits for that many further replies. Throws LabError TIMEOUT when they have not come after ten seconds. */
  more(replies: number): Promise<void>;
  /** Ends it and tells what was lost: requests without a reply before the last one that had one. */
  stop(): Promise<{ sent: number; lost: number; longestGap: number }>;
}

/** Starts a ping every `intervalMs`; returns when the first reply has come. */
export async function startPing(
  place: Place,
  address: string,
  { intervalMs = 20 } = {},
): Promise<SteadyPing> {
  const seconds = String(intervalMs / 1000);
  const [file = '', ...args] = place.argv(['ping', '-n', '-i', seconds, address]);
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const answered = new Set<number>();
  let lastLine = '';
  const lines = createInterface({ input: child.stdout }).on('line', (line) => {
    lastLine = line;
    const sequence = /bytes from .*icmp_seq=(\d+)/.exec(line)?.[1];
    if (sequence !== undefined) {
      answered.add(Number(sequence));
    }
  });
  child.stderr.resume();
  const ended = once(child, 'close');
  const more = async (replies: number) => {
    const enough = answered.size + replies;
    const late = AbortSignal.timeout(MORE_MS);
    while (answered.size < enough && child.exitCode === null) {
      await Promise.race([once(lines, 'line', { signal: late }), ended]).catch(() => {
        throw new LabError(
          'TIMEOUT',
          `${place.name} had no ${replies} replies from ${address} within ${MORE_MS} ms`,
        );
      });
    }
  };
  await more(1);
  if (child.exitCode !== null) {
    throw new LabError('CANNOT_START', `${place.name} cannot ping ${address}: ${lastLine}`);
  }
  return {
    more,
    async stop() {
      child.kill('SIGINT');
      await ended;
      const sequences = [...answered].sort((a, b) => a - b);
      const sent = sequences.at(-1) ?? 0;
      const gaps = sequences.map((sequence, i) => sequence - (sequences[i - 1] ?? 0) - 1);
      return { sent, lost: sent - sequences.length, longestGap: Math.max(0, ...gaps) };
    },
  };
}
