/**
 * The files before the present ones, kept beside them: `X.previous`. Rolling back puts them in place and notes in
 * `X.held` the hash of what was replaced, which the agent then does not install again; anything else it does.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FileAction } from '../core/action.ts';
import { AgentError } from '../core/error.ts';
import { CONFLIST_NAME } from '../core/names.ts';
import { type CniDirs, heldName, noticeConflist, PLUGIN_NAME, previousName } from './cni-names.ts';
import { fileState, removeFile } from './files.ts';
import { whyNotRuns } from './probe-executable.ts';

/** Both files, those that have a previous one. Throws {@link AgentError} `NODE` when there is none, or none that works. */
export function rollBack({ binDir, confDir }: CniDirs): FileAction[] {
  const files = [
    { dir: binDir, name: PLUGIN_NAME },
    { dir: confDir, name: CONFLIST_NAME },
  ].filter(({ dir, name }) => fileState(join(dir, previousName(name))) !== undefined);
  if (files.length === 0) {
    throw new AgentError(
      'NODE',
      `There is nothing to go back to: neither ${previousPaths({ binDir, confDir }).join(' nor ')}`,
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

/** The file before this one in its place; `hash` is that of the one to keep away. */
export function restorePrevious(dir: string, name: string, hash: string | undefined): void {
  if (hash !== undefined) {
    writeFileSync(join(dir, heldName(name)), `${hash}\n`);
  }
  renameSync(join(dir, previousName(name)), join(dir, name));
}

/** Lets the agent install its own files again; returns what was held. */
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
  throw new AgentError('NODE', `${path} does not run (${why}), so it is not put in place`);
}
