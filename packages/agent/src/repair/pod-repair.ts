/** Restores what other programs remove from running pods, and reports the pods that it cannot restore. */
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { type Problem, problem } from '../core/problem.ts';
import { type After, Timers } from '../core/timers.ts';
import type { RestoreOutcome } from './run-restore.ts';

export interface PodRepairDeps {
  /** Restores what is missing of all running pods. Returns the pods that it changed or failed to. */
  restore: () => Promise<RestoreOutcome[]>;
  /** Releases restored attachments whose pod has ended since. */
  releaseEnded: (restored: readonly RestoreOutcome[]) => Promise<void>;
  /** Removes what remains of earlier podCIDRs. Returns the pods that still use them. */
  retireRanges: () => Problem[];
  /** Name of an attachment's pod for messages. */
  podOf: (attachment: RestoreOutcome) => string;
  /** Takes the present problems. */
  report: (problems: Problem[]) => void;
  /** Called with a sentence after each pass that restored something. */
  onRestored: (message: string) => void;
  /** Delay of the next pass in ms, which grows while another program keeps removing the same. */
  delayMs: () => number;
  log: Log;
  metrics: Metrics;
  after: After;
}

/** Events of one change arrive together. */
const GATHER_MS = 50;
/** Time for a DEL that ran beside the pass. */
const VERIFY_MS = 2000;
/** Pods that are named in one message. */
const MAX_NAMED = 5;

export class PodRepair {
  readonly #deps: PodRepairDeps;
  readonly #intervalMs: number;
  readonly #timers: Timers<'look' | 'interval' | 'verify'>;
  #running: Promise<void> | undefined;
  #failed: string | undefined;

  /** @param intervalMs time between two passes without an event: legacy iptables sends none */
  constructor(deps: PodRepairDeps, intervalMs: number) {
    this.#deps = deps;
    this.#intervalMs = intervalMs;
    this.#timers = new Timers(deps.after);
  }

  /** Looks for missing parts now and at each interval. */
  start(): void {
    this.#timers.start('interval', this.#intervalMs, () => this.start());
    void this.look();
  }

  /** Call it when another program may have removed something. */
  lost(): void {
    this.#timers.start('look', Math.max(GATHER_MS, this.#deps.delayMs()), () => void this.look());
  }

  close(): void {
    this.#timers.close();
  }

  /** Runs a pass, after the one in progress. Never rejects. */
  look(): Promise<void> {
    const pass = (this.#running ?? Promise.resolve()).then(() => this.#pass());
    this.#running = pass;
    return pass;
  }

  async #pass(): Promise<void> {
    if (this.#timers.closed) {
      return;
    }
    const problems: Problem[] = [];
    try {
      const outcomes = await this.#deps.restore();
      this.#failed = undefined;
      const restored = outcomes.filter((one) => one.restored.length > 0);
      if (restored.length > 0) {
        this.#restored(restored);
      }
      problems.push(...outcomes.flatMap((one) => this.#problemOf(one)));
    } catch (error) {
      this.#warn(`Cannot restore links and rules of running pods: ${(error as Error).message}`);
    }
    try {
      problems.push(...this.#deps.retireRanges());
    } catch (error) {
      this.#warn(`Cannot look for addresses of earlier podCIDRs: ${(error as Error).message}`);
    }
    if (!this.#timers.closed) {
      this.#deps.report(problems);
    }
  }

  #restored(restored: readonly RestoreOutcome[]): void {
    const { metrics, log, onRestored, releaseEnded } = this.#deps;
    const parts = [...new Set(restored.flatMap((one) => one.restored))].join(', ');
    const named = restored.slice(0, MAX_NAMED).map((one) => this.#deps.podOf(one));
    const more = restored.length > MAX_NAMED ? ` and ${restored.length - MAX_NAMED} more` : '';
    const message = `Another program removed ${parts} of running pods; the agent restored them for ${named.join(', ')}${more}`;
    metrics.add('pods_restored', restored.length);
    log.info({ change: 'pods' }, message);
    onRestored(message);
    // A pod may have started or ended beside the pass.
    this.#timers.restart('verify', VERIFY_MS, () => {
      void releaseEnded(restored)
        .catch((error: Error) => this.#warn(`Cannot release pods that ended: ${error.message}`))
        .then(() => this.look());
    });
  }

  #problemOf(outcome: RestoreOutcome): Problem[] {
    const { containerID, ifName, network, error } = outcome;
    return error === undefined
      ? []
      : [
          problem(
            'broken-pod',
            `${network}/${containerID}/${ifName}`,
            `Cannot restore the network of ${this.#deps.podOf(outcome)}: ${error}`,
          ),
        ];
  }

  /** Logs a failure once. */
  #warn(message: string): void {
    if (message !== this.#failed) {
      this.#deps.log.warn({}, message);
    }
    this.#failed = message;
  }
}
