/** Distinguishes repairs of drift from changes that follow a change of the desired state. */
import { type KernelAction, placeOf } from '../core/action.ts';

export class Drift {
  readonly #moved = new Set<string>();
  /** True at the start, when the previous state is unknown. */
  #all = true;

  /** The desired state of a destination has changed. */
  moved(prefix: string): void {
    this.#moved.add(prefix);
  }

  /** The desired state may have changed everywhere. */
  allMoved(): void {
    this.#all = true;
  }

  /** Ends a pass. Returns whether one of its changes is a repair. */
  ofPass(): (action: KernelAction) => boolean {
    const moved = new Set(this.#moved);
    const all = this.#all;
    this.#moved.clear();
    this.#all = false;
    return (action) => !all && !moved.has(placeOf(action));
  }
}
