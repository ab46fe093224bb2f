/** Keeps readiness.json and the saved node state in the state directory, which other programs may empty. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeInfo } from '../core/model.ts';
import type { Problem } from '../core/problem.ts';
import { type After, Timers } from '../core/timers.ts';
import { loadState, type SavedState, STATE_NAME, saveState } from '../observe/saved-state.ts';
import { Contest } from './contest.ts';
import { type Readiness, ReadinessFile, ReadinessPolicy } from './readiness.ts';
import { ReadinessKeeper } from './readiness-keeper.ts';

/** Delay before the state is saved, so that a burst of node changes causes one write. */
const SAVE_MS = 1000;
/** Delay after an event in the directory, so that a burst causes one look. */
const SETTLE_MS = 50;

export interface StateFilesDeps {
  stateDir: string;
  nodeName: string;
  /** Files without which a runtime takes the node for not ready. */
  needed: readonly string[];
  /** State that an earlier process saved. */
  cached: SavedState | undefined;
  /** Position in the API's history. */
  position: () => string | undefined;
  programmed: () => boolean;
  problems: () => Iterable<Problem>;
  nodes: () => Iterable<NodeInfo>;
  /** Takes the current problems of an area; empty when they have ended. */
  report: (area: 'readiness' | 'contested', problems: readonly Problem[]) => void;
  onRepair: (path: string) => void;
  /** Called after each look at the files. */
  onCheck: () => void;
  warn: (message: string) => void;
  after: After;
  now: () => number;
}

export class StateFiles {
  readonly #deps: StateFilesDeps;
  readonly #keeper: ReadinessKeeper;
  readonly #contest: Contest;
  readonly #timers: Timers<'save' | 'look'>;
  readonly #path: string;
  /** Identity of the saved state as last seen valid; undefined while nothing was ever saved. */
  #identity: string | undefined;

  constructor(deps: StateFilesDeps) {
    this.#deps = deps;
    this.#path = join(deps.stateDir, STATE_NAME);
    this.#timers = new Timers(deps.after);
    this.#contest = new Contest(deps.stateDir, deps.after, (problems) => deps.report('contested', problems));
    this.#keeper = new ReadinessKeeper({
      ...deps,
      policy: new ReadinessPolicy(),
      file: new ReadinessFile(deps.stateDir),
      report: (problems) => deps.report('readiness', problems),
      onRepair: (path) => this.#repaired(path),
    });
    this.#identity = deps.cached === undefined ? undefined : this.#identify();
  }

  /** The answer that the plugin's STATUS reads. */
  get readiness(): Readiness {
    return this.#keeper.current;
  }

  /**
   * Looks at both files and rewrites what is missing or wrong. Call it after each pass. A node that is ready for the
   * first time has its nodes saved.
   */
  check(): void {
    this.#checkSaved();
    this.#keeper.check();
    this.#deps.onCheck();
  }

  /** Schedules a look. Call it for each event in the directory. */
  changed(): void {
    this.#timers.start('look', Math.max(SETTLE_MS, this.#contest.delayMs), () => this.check());
  }

  /** Schedules a write of the state. The first one is due at the next check. */
  nodesChanged(): void {
    this.#timers.start('save', SAVE_MS, () => this.#save());
  }

  /** Writes what is due. */
  close(): void {
    const due = this.#timers.due('save');
    this.#timers.close();
    this.#contest.close();
    if (due) {
      this.#save();
    }
  }

  #checkSaved(): void {
    const { stateDir, nodeName } = this.#deps;
    const identity = this.#identify();
    if (this.#timers.due('save')) {
      if (this.#identity === undefined) {
        this.#timers.stop('save');
        this.#save();
      }
      return;
    }
    if (this.#identity === undefined || identity === this.#identity) {
      return;
    }
    // Another agent, such as the next version during an upgrade, may have written a valid one.
    if (loadState(stateDir, nodeName) === undefined) {
      this.#save();
      this.#repaired(this.#path);
    } else {
      this.#identity = identity;
    }
  }

  #save(): void {
    const { stateDir, nodeName, nodes, position, warn } = this.#deps;
    try {
      saveState(stateDir, nodeName, { nodes: nodes(), resourceVersion: position() });
      this.#identity = this.#identify() ?? '';
    } catch (error) {
      warn(
        `Cannot save the node state, which a start without the API server needs: ${(error as Error).message}`,
      );
    }
  }

  #identify(): string | undefined {
    try {
      const { ino, size, mtimeMs } = statSync(this.#path);
      return `${ino} ${size} ${mtimeMs}`;
    } catch {
      return undefined;
    }
  }

  #repaired(path: string): void {
    this.#contest.repaired(path);
    this.#deps.onRepair(path);
  }
}
