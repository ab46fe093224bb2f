/** A change of this node's own Node in the API, sent when needed and one request at a time. */
import type { NodeInfo } from '../core/model.ts';

export interface NodePatchDeps {
  /** Returns whether the Node in the API lacks the change. */
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

  /** Sends the change unless the Node has it or a request is pending. */
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
