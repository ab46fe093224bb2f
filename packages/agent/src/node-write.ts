/** The Node condition NetworkUnavailable, which only we may clear: kept False, one request at a time. */
import type { NodeInfo } from './model.ts';

export interface ConditionParts {
  /** Sets it to False in the API. */
  clear: (nodeName: string) => Promise<void>;
  /** Called after each attempt. */
  settled: (node: NodeInfo, error?: Error) => void;
}

export class Condition {
  readonly #parts: ConditionParts;
  #pending = false;

  constructor(parts: ConditionParts) {
    this.#parts = parts;
  }

  /** Does nothing when the API already has it, or is being asked. */
  ensure(own: NodeInfo): void {
    if (this.#pending || own.networkUnavailable === 'False') return;
    this.#pending = true;
    const settle = (error?: Error): void => {
      this.#pending = false;
      this.#parts.settled(own, error);
    };
    this.#parts.clear(own.name).then(() => settle(), settle);
  }
}
