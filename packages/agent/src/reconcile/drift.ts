/** Tells a change that puts right what somebody else changed from one that follows a change of what should be. */
import { type KernelAction, placeOf } from '../core/action.ts';

export class Drift {
  readonly #moved = new Set<string>();
  /** At first everything may differ, as nothing is known of what was before. */
  #all = true;

  /** What should be at this destination has changed. */
  moved(prefix: string): void {
    this.#moved.add(prefix);
  }

  /** What should be may have changed everywhere. */
  allMoved(): void {
    this.#all = true;
  }

  /** Of the changes of the pass that ends now. */
  ofPass(): (action: KernelAction) => boolean {
    const moved = new Set(this.#moved);
    const all = this.#all;
    this.#moved.clear();
    this.#all = false;
    return (action) => !all && !moved.has(placeOf(action));
  }
}
