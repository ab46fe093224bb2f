/** Reads the files in the state directory as the plugin and a starting agent do. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { READINESS_NAME } from '../../core/names.ts';
import { loadState, STATE_NAME } from '../../observe/saved-state.ts';
import type { StateFileFacts } from './facts.ts';

export function gatherStateFiles(stateDir: string, nodeName: string): StateFileFacts {
  const path = join(stateDir, READINESS_NAME);
  return {
    path,
    readiness: readinessOf(path),
    savedPath: join(stateDir, STATE_NAME),
    saved: loadState(stateDir, nodeName) !== undefined,
  };
}

function readinessOf(path: string): StateFileFacts['readiness'] {
  try {
    const { ready, reason } = JSON.parse(readFileSync(path, 'utf8')) as { ready?: unknown; reason?: unknown };
    return { ready: ready === true, reason: typeof reason === 'string' ? reason : 'no reason given' };
  } catch {
    return undefined;
  }
}
