/**
 * Rolls files back to their previous versions, `X.previous`. `X.held` then holds the hash of the version that
 * was replaced: the agent does not install that version again, and installs any other.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FileAction } from '../core/action.ts';
import { AgentError } from '../core/error.ts';
import { CONFLIST_NAME } from '../core/names.ts';
import { type CniDirs, heldName, noticeConflist, PLUGIN_NAME, previousName } from './cni-names.ts';
import { fileState, removeFile } from './files.ts';
import { whyNotRuns } from './probe-executable.ts';

/**
 * Rolls back both files, or the one that has a previous version.
 *
 * @throws {AgentError} `NODE` when there is no previous version, or none that runs
 */
export function rollBack({ binDir, confDir }: CniDirs): FileAction[] {
  const files = [
    { dir: binDir, name: PLUGIN_NAME },
    { dir: confDir, name: CONFLIST_NAME },
  ].filter(({ dir, name }) => fileState(join(dir, previousName(name))) !== undefined);
  if (files.length === 0) {
    throw new AgentError(
      'NODE',
      `There is no previous version: neither ${previousPaths({ binDir, confDir }).join(' nor ')} exists`,
    );
  }
  if (files.some(({ name }) => name === PLUGIN_NAME)) {
    assertRuns(join(binDir, previousName(PLUGIN_NAME)));
  }
  for (const { dir, name } of files) {
    restorePrevious(dir, name, fileState(join(dir, name))?.hash);
    if (name === CONFLIST_NAME) {
      noticeConflist(confDir);
    }
  }
  return files.map(({ dir, name }) => ({ kind: 'file', op: 'change', path: join(dir, name) }));
}

/** Restores the previous version of a file. `hash` identifies the version that must not be installed again. */
export function restorePrevious(dir: string, name: string, hash: string | undefined): void {
  if (hash !== undefined) {
    writeFileSync(join(dir, heldName(name)), `${hash}\n`);
  }
  renameSync(join(dir, previousName(name)), join(dir, name));
}

/** Lets the agent install its own files again. Returns the paths that were held. */
export function undoRollBack({ binDir, confDir }: CniDirs): string[] {
  return [
    [binDir, PLUGIN_NAME],
    [confDir, CONFLIST_NAME],
  ].flatMap(([dir, name]) => (removeFile(dir!, heldName(name!)) ? [join(dir!, name!)] : []));
}

const previousPaths = ({ binDir, confDir }: CniDirs): string[] => [
  join(binDir, previousName(PLUGIN_NAME)),
  join(confDir, previousName(CONFLIST_NAME)),
];

function assertRuns(path: string): void {
  const why = whyNotRuns(path);
  if (why === undefined) {
    return;
  }
  throw new AgentError('NODE', `Cannot roll back: ${path} does not run (${why})`);
}
