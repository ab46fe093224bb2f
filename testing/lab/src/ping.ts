import { spawn } from 'node:child_process';
import { once } from 'node:events';
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

/** A ping that goes on. */
export interface SteadyPing {
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
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  child.stderr.resume();
  const replied = new Promise<void>((resolve) => {
    child.stdout.on('data', () => output.includes('icmp_seq=') && resolve());
  });
  await Promise.race([replied, once(child, 'close')]);
  if (child.exitCode !== null) {
    throw new LabError('CANNOT_START', `${place.name} cannot ping ${address}: ${output.trim()}`);
  }
  return {
    async stop() {
      child.kill('SIGINT');
      await once(child, 'close');
      const replies = [...output.matchAll(/bytes from .*icmp_seq=(\d+)/g)].map(([, sequence]) =>
        Number(sequence),
      );
      const sorted = [...new Set(replies)].sort((a, b) => a - b);
      const sent = sorted.at(-1) ?? 0;
      const gaps = sorted.map((sequence, i) => sequence - (sorted[i - 1] ?? 0) - 1);
      return { sent, lost: sent - sorted.length, longestGap: Math.max(0, ...gaps) };
    },
  };
}
