/** Tells the problems that stand as Kubernetes Events about this node: few, deduplicated, and none at rest. */
import type { Problem } from '../core/problem.ts';
import { type After, Timers } from '../core/timers.ts';
import { type NodeEvent, nodeEvents } from './event-of.ts';

export interface EventSink {
  /** Makes an Event; resolves to its name. */
  create(event: NodeEvent, now: number): Promise<string>;
  /** Says that it happened again. Resolves to false when the API has forgotten it. */
  repeat(name: string, event: NodeEvent, count: number, now: number): Promise<boolean>;
}

export interface RecorderDeps {
  problems: () => Iterable<Problem>;
  /** Of this node. */
  podCIDRs: () => readonly string[];
  sink: EventSink;
  after: After;
  /** Milliseconds since the epoch. */
  now: () => number;
  /** Called for each Event sent. */
  sent: () => void;
  /** Called once, when there are to be no more. */
  refused: (error: Error) => void;
}

/** What is over after one look was not worth an Event. */
const LOOK_MS = 30_000;
/** The API forgets Events after an hour. */
const REPEAT_MS = 30 * 60_000;
/** At once at the most; one more each minute. */
const BURST = 10;
const REFILL_MS = 60_000;

interface Told {
  message: string;
  name: string;
  count: number;
  at: number;
}

export class EventRecorder {
  readonly #deps: RecorderDeps;
  readonly #timers: Timers<'look'>;
  #before = new Set<string>();
  readonly #told = new Map<string, Told>();
  /** What happened and is over. */
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

  /** Something that happened once, to be told at the next look; of one key the last counts. */
  note(event: NodeEvent): void {
    this.#noted.set(event.key, event);
  }

  /** One look. Never rejects: what could not be told is told the next time. */
  async look(): Promise<void> {
    if (this.#refused) {
      return;
    }
    const events = nodeEvents(this.#deps.problems(), this.#deps.podCIDRs());
    const keys = new Set(events.map(({ key }) => key));
    const lasting = events.filter(({ key }) => this.#before.has(key));
    this.#before = keys;
    for (const key of this.#told.keys()) {
      const told = this.#told.get(key)!;
      // Remembered for a while after its end, so that what comes and goes is one Event with a count.
      if (!keys.has(key) && this.#deps.now() - told.at > REPEAT_MS) {
        this.#told.delete(key);
      }
    }
    for (const event of [...lasting, ...this.#noted.values()]) {
      const noted = this.#noted.get(event.key) === event;
      if (!(noted || this.#isDue(event)) || !this.#takeToken()) {
        continue;
      }
      try {
        await this.#tell(event);
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
    const told = this.#told.get(key);
    return told === undefined || told.message !== message || this.#deps.now() - told.at >= REPEAT_MS;
  }

  async #tell(event: NodeEvent): Promise<void> {
    const { sink } = this.#deps;
    const at = this.#deps.now();
    const told = this.#told.get(event.key);
    const count = (told?.count ?? 0) + 1;
    if (told !== undefined && (await sink.repeat(told.name, event, count, at))) {
      this.#told.set(event.key, { ...told, message: event.message, count, at });
      return;
    }
    const name = await sink.create(event, at);
    this.#told.set(event.key, { message: event.message, name, count: 1, at });
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
