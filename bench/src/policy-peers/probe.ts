/** Follows whether packets from one pod to another pass. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { compiled } from '../lib/exec-timer.ts';

const LIMIT_MS = 60_000;

export class Probe {
  readonly #program: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(client: string, server: string, address: string) {
    this.#program = spawn(compiled('policy-probe'), [client, server, address], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#lines = createInterface({ input: this.#program.stdout! })[Symbol.asyncIterator]();
  }

  /**
   * Returns when packets begin or cease to pass, in ms of the clock of {@link now}.
   *
   * @throws {Error} when they do not within a minute, or change otherwise
   */
  async next(effect: 'open' | 'closed'): Promise<number> {
    const ended = new AbortController();
    const late = pause(LIMIT_MS, undefined, { signal: ended.signal }).catch(() => undefined);
    const line = await Promise.race([this.#lines.next(), late]);
    ended.abort();
    const [found, at] = String(line?.value ?? 'not changed').split(' ');
    if (found !== effect) {
      throw new Error(`Packets should be ${effect} within ${LIMIT_MS / 1000} s, and are ${found}`);
    }
    return Number(at) / 1e6;
  }

  stop(): void {
    this.#program.kill('SIGKILL');
  }
}

/** Milliseconds of CLOCK_MONOTONIC. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;
