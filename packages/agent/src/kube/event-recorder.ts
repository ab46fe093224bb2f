/**
 * Records persistent problems as Kubernetes Events about this node: few, deduplicated, and none while the
 * agent is idle.
 */
import type { Problem } from '../core/problem.ts';
import { type After, Timers } from '../core/timers.ts';
import { type NodeEvent, nodeEvents } from './event-of.ts';

export interface EventSink {
  /** Creates an Event. Resolves to its name. */
  create(event: NodeEvent, now: number): Promise<string>;
  /** Updates the count of an Event. Resolves to false when the Event does not exist any more. */
  repeat(name: string, event: NodeEvent, count: number, now: number): Promise<boolean>;
}

export interface RecorderDeps {
  problems: () => Iterable<Problem>;
  /** podCIDRs of this node. */
  podCIDRs: () => readonly string[];
  sink: EventSink;
  after: After;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Called after each request for an Event. */
  sent: () => void;
  /** Called once, when the agent lacks the permission for Events. It sends none from then on. */
  refused: (error: Error) => void;
}

/** Time between two looks at the problems. A problem that ends within it becomes no Event. */
const LOOK_MS = 30_000;
/** Time between two updates of a lasting problem's Event. The API deletes Events after an hour. */
const REPEAT_MS = 30 * 60_000;
/** Events that may be sent at once; one more per minute. */
const BURST = 10;
const REFILL_MS = 60_000;

interface SentEvent {
  message: string;
  name: string;
  count: number;
  at: number;
}

export class EventRecorder {
  readonly #deps: RecorderDeps;
  readonly #timers: Timers<'look'>;
  #before = new Set<string>();
  readonly #sent = new Map<string, SentEvent>();
  /** Events of occurrences, to be sent once. */
  readonly #noted = new Map<string, NodeEvent>();
  #tokens = BURST;
  #filledAt: number;
  #refused = false;

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
    this.#timers = new Timers(deps.after);
    this.#filledAt = deps.now();
  }

  start(): void {
    this.#timers.start('look', LOOK_MS, () => void this.look().finally(() => this.start()));
  }

  close(): void {
    this.#timers.close();
  }

  /** Records an occurrence, to be sent at the next look. It replaces one with the same key. */
  note(event: NodeEvent): void {
    this.#noted.set(event.key, event);
  }

  /** Sends what is due. Never rejects: an Event that fails is sent at the next look. */
  async look(): Promise<void> {
    if (this.#refused) {
      return;
    }
    const events = nodeEvents(this.#deps.problems(), this.#deps.podCIDRs());
    const keys = new Set(events.map(({ key }) => key));
    const lasting = events.filter(({ key }) => this.#before.has(key));
    this.#before = keys;
    for (const key of this.#sent.keys()) {
      const sent = this.#sent.get(key)!;
      // Keep ended problems for a while, so that an intermittent problem is one Event with a count.
      if (!keys.has(key) && this.#deps.now() - sent.at > REPEAT_MS) {
        this.#sent.delete(key);
      }
    }
    for (const event of [...lasting, ...this.#noted.values()]) {
      const noted = this.#noted.get(event.key) === event;
      if (!(noted || this.#isDue(event)) || !this.#takeToken()) {
        continue;
      }
      try {
        await this.#send(event);
        if (noted) {
          this.#noted.delete(event.key);
        }
        this.#deps.sent();
      } catch (error) {
        if ((error as { status?: number }).status !== 403) {
          return;
        }
        this.#refused = true;
        this.#deps.refused(error as Error);
        return;
      }
    }
  }

  #isDue({ key, message }: NodeEvent): boolean {
    const sent = this.#sent.get(key);
    return sent === undefined || sent.message !== message || this.#deps.now() - sent.at >= REPEAT_MS;
  }

  async #send(event: NodeEvent): Promise<void> {
    const { sink } = this.#deps;
    const at = this.#deps.now();
    const sent = this.#sent.get(event.key);
    const count = (sent?.count ?? 0) + 1;
    if (sent !== undefined && (await sink.repeat(sent.name, event, count, at))) {
      this.#sent.set(event.key, { ...sent, message: event.message, count, at });
      return;
    }
    const name = await sink.create(event, at);
    this.#sent.set(event.key, { message: event.message, name, count: 1, at });
  }

  #takeToken(): boolean {
    const now = this.#deps.now();
    const more = Math.floor((now - this.#filledAt) / REFILL_MS);
    this.#tokens = Math.min(BURST, this.#tokens + more);
    this.#filledAt += more * REFILL_MS;
    if (this.#tokens === 0) {
      return false;
    }
    this.#tokens--;
    return true;
  }
}
