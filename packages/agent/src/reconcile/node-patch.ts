/** A write to this node's own Node in the API, made when it is needed and one request at a time. */
import type { NodeInfo } from '../core/model.ts';

export interface NodePatchDeps {
  /** Whether the Node, as the API has it, is not as it should be. */
  needed: (own: NodeInfo) => boolean;
  write: (nodeName: string) => Promise<void>;
  /** Called after each attempt. */
  settled: (own: NodeInfo, error?: Error) => void;
}

export class NodePatch {
  readonly #deps: NodePatchDeps;
  #pending = false;

  constructor(deps: NodePatchDeps) {
    this.#deps = deps;
  }

  /** Does nothing when the API already has it, or is being asked. */
  ensure(own: NodeInfo): void {
    const { needed, write, settled } = this.#deps;
    if (this.#pending || !needed(own)) {
      return;
    }
    this.#pending = true;
    const settle = (error?: Error): void => {
      this.#pending = false;
      settled(own, error);
    };
    write(own.name).then(() => settle(), settle);
  }
}
