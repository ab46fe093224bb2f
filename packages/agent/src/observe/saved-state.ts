/** Saves the last state of the API, so that a restart works during an outage of the API. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAddress, parseNetwork } from '@cnikit/ip';
import type { NodeInfo } from '../core/model.ts';
import { temporaryName } from '../core/names.ts';

export const STATE_NAME = 'state.json';
const FORMAT = 1;

export interface SavedState {
  nodes: NodeInfo[];
  /** Position in the API's history. */
  resourceVersion?: string;
}

/**
 * Returns undefined when there is no valid state: another format, another node, or damage. The directory is a
 * tmpfs, so no state survives a reboot.
 */
export function loadState(dir: string, nodeName: string): SavedState | undefined {
  try {
    const state: unknown = JSON.parse(readFileSync(join(dir, STATE_NAME), 'utf8'));
    const { format, node, nodes, resourceVersion } = state as Record<string, unknown>;
    if (format !== FORMAT || node !== nodeName || !Array.isArray(nodes) || !nodes.every(isNodeInfo)) {
      return undefined;
    }
    return { nodes, ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}) };
  } catch {
    return undefined;
  }
}

/** Writes the state atomically. */
export function saveState(
  dir: string,
  nodeName: string,
  { nodes, resourceVersion }: { nodes: Iterable<NodeInfo>; resourceVersion?: string | undefined },
): void {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, STATE_NAME);
  const temporary = temporaryName(path);
  const state = { format: FORMAT, node: nodeName, resourceVersion, nodes: [...nodes] };
  writeFileSync(temporary, JSON.stringify(state), { mode: 0o600 });
  renameSync(temporary, path);
}

function isNodeInfo(value: unknown): value is NodeInfo {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const { name, uid, created, podCIDRs, internalIPs, networkUnavailable, taints, rejected } = value as Record<
    string,
    unknown
  >;
  return (
    typeof name === 'string' &&
    typeof uid === 'string' &&
    typeof created === 'string' &&
    isListOf(podCIDRs, (text) => parseNetwork(text) !== undefined) &&
    isListOf(internalIPs, (text) => parseAddress(text) !== undefined) &&
    (networkUnavailable === undefined || typeof networkUnavailable === 'string') &&
    (taints === undefined || isListOf(taints, () => true)) &&
    isListOf(rejected, () => true)
  );
}

function isListOf(value: unknown, check: (text: string) => boolean): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string' && check(entry));
}
