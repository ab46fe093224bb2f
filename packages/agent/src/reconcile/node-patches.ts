/** The changes that the agent makes to its own Node in the API once the data path is programmed. */
import type { Action } from '../core/action.ts';
import type { NodeInfo } from '../core/model.ts';
import { NodePatch } from './node-patch.ts';

export interface NodePatchOptions {
  /** Sets condition NetworkUnavailable of a node to False; absent: the condition is left alone. */
  clearNetworkUnavailable?: (nodeName: string) => Promise<void>;
  /** Removes the taint that keeps pods away until the data path is programmed; absent: there is none. */
  readinessTaint?: { key: string; remove: (nodeName: string) => Promise<void> };
}

/** `settled` is called after each attempt. */
export function nodePatches(
  { clearNetworkUnavailable, readinessTaint }: NodePatchOptions,
  settled: (kind: 'condition' | 'taint', action: Action, error?: Error) => void,
): NodePatch[] {
  const patches: NodePatch[] = [];
  if (clearNetworkUnavailable !== undefined) {
    patches.push(
      new NodePatch({
        needed: (own) => own.networkUnavailable !== 'False',
        write: clearNetworkUnavailable,
        settled: ({ name: node, networkUnavailable: from = 'unset' }: NodeInfo, error?: Error) =>
          settled('condition', { kind: 'condition', node, from }, error),
      }),
    );
  }
  if (readinessTaint !== undefined) {
    const { key, remove } = readinessTaint;
    patches.push(
      new NodePatch({
        needed: ({ taints }) => taints?.includes(key) === true,
        write: remove,
        settled: ({ name: node }: NodeInfo, error?: Error) =>
          settled('taint', { kind: 'taint', node, key }, error),
      }),
    );
  }
  return patches;
}
