/** Replaces files that other programs read: they see the old file or the new one, never a part. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { ignoreErrno } from '@cnikit/sys';
import { temporaryName } from '../core/names.ts';

/** Desired file. `content` is compared by hash, so a truncated or older file is replaced like a missing one. */
export interface FileSpec {
  dir: string;
  name: string;
  content: Uint8Array;
  mode: number;
}

/** Present file: the SHA-256 of its content in hexadecimal, and its permissions. */
export interface FileState {
  hash: string;
  mode: number;
}

export const hashOf = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** Undefined when there is none. */
export function fileState(path: string): FileState | undefined {
  return ignoreErrno('ENOENT', () => ({
    hash: hashOf(named(path, () => readFileSync(path))),
    mode: statSync(path).mode & 0o777,
  }));
}

/** Undefined when there is none. */
export function readText(path: string): string | undefined {
  return ignoreErrno('ENOENT', () => named(path, () => readFileSync(path, 'utf8')));
}

/** Adds the path to errors of calls that take a file descriptor, such as that of a full disk. */
export function named<T>(path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    const failure = error as NodeJS.ErrnoException;
    if (failure.syscall !== undefined && failure.path === undefined) {
      failure.message += ` '${path}'`;
    }
    throw error;
  }
}

/** Returns what `installFile` would do to a file in this state. */
export function compareFile(
  { content, mode }: FileSpec,
  is: FileState | undefined,
): 'same' | 'add' | 'change' {
  if (is === undefined) {
    return 'add';
  }
  return is.mode === mode && is.hash === hashOf(content) ? 'same' : 'change';
}

/**
 * Writes beside the target, syncs and renames: container runtimes notice a rename only within the directory.
 */
export function installFile({ dir, name, content, mode }: FileSpec): void {
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  const temporary = join(dir, temporaryName(name));
  rmSync(temporary, { force: true });
  const fd = openSync(temporary, 'wx', mode);
  try {
    named(temporary, () => {
      for (let at = 0; at < content.length; ) {
        at += writeSync(fd, content, at);
      }
      fsyncSync(fd);
    });
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, join(dir, name));
  const directory = openSync(dir, 'r');
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

/** Copies a file to another name in its directory, atomically. */
export function keepCopy(dir: string, name: string, copy: string): void {
  const temporary = join(dir, temporaryName(copy));
  copyFileSync(join(dir, name), temporary);
  renameSync(temporary, join(dir, copy));
}

/** Removes a file. Returns false when it did not exist. */
export function removeFile(dir: string, name: string): boolean {
  const remove = (): true => {
    rmSync(join(dir, name));
    return true;
  };
  return ignoreErrno('ENOENT', remove) ?? false;
}
