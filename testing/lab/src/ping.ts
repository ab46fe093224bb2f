import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { LabError } from './errors.ts';
import type { Namespace } from './namespace.ts';

/**
 * Pings an address five times a second. Returns true at the first reply, false when none arrives within `timeoutMs`
 * (rounded up to seconds).
 */
export async function ping(
  namespace: Namespace,
  address: string,
  { timeoutMs = 10_000 } = {},
): Promise<boolean> {
  const deadline = Math.ceil(timeoutMs / 1000);
  const argv = ['ping', '-n', '-q', '-c', '1', '-i', '0.2', '-w', String(deadline), address];
  return (await namespace.exec(argv, { timeoutMs: timeoutMs + 10_000 })).status === 0;
}

/** Timeout of {@link SteadyPing.more}. */
const MORE_MS = 30_000;

/** A continuous ping. */
export interface SteadyPing {
  /**
   * Waits for `replies` more replies.
   *
   * @throws {LabError} TIMEOUT when they have not arrived after ten seconds
   */
  more(replies: number): Promise<void>;
  /** Ends the ping. `lost` counts requests without a reply, up to the last request that had one. */
  stop(): Promise<{ sent: number; lost: number; longestGap: number }>;
}

/**
 * Starts to ping an address every `intervalMs`. Resolves at the first reply.
 *
 * @throws {LabError} CANNOT_START when ping exits, TIMEOUT when no reply arrives
 */
export async function startPing(
  namespace: Namespace,
  address: string,
  { intervalMs = 20 } = {},
): Promise<SteadyPing> {
  const seconds = String(intervalMs / 1000);
  const [file = '', ...args] = namespace.argv(['ping', '-n', '-i', seconds, address]);
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
          `${namespace.name} did not get ${replies} replies from ${address} within ${MORE_MS} ms`,
        );
      });
    }
  };
  await more(1);
  if (child.exitCode !== null) {
    throw new LabError('CANNOT_START', `${namespace.name} cannot ping ${address}: ${lastLine}`);
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
