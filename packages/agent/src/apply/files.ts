/** Files that other programs read while they are replaced: they appear whole or not at all. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

/** A file to be: `content` is compared by hash, so a half-copied or older one is replaced as well as a missing one. */
export interface FileSpec {
  dir: string;
  name: string;
  content: Uint8Array;
  mode: number;
}

const hash = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** What `install` would do. */
export function compareFile({ dir, name, content, mode }: FileSpec): 'same' | 'add' | 'change' {
  const path = join(dir, name);
  try {
    const same = (statSync(path).mode & 0o777) === mode && hash(readFileSync(path)) === hash(content);
    return same ? 'same' : 'change';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'add';
    throw error;
  }
}

/**
 * Writes beside the target, syncs and renames. The temporary name ends in .tmp: container runtimes load every file
 * that ends in .conf, .conflist or .json, also hidden ones, and see a rename only within the directory.
 */
export function installFile({ dir, name, content, mode }: FileSpec): void {
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  const temporary = join(dir, `${name}.tmp`);
  rmSync(temporary, { force: true });
  const fd = openSync(temporary, 'wx', mode);
  try {
    for (let at = 0; at < content.length; ) at += writeSync(fd, content, at);
    fsyncSync(fd);
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

/** Removes a file; true when there was one. */
export function removeFile(dir: string, name: string): boolean {
  try {
    rmSync(join(dir, name));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

const loaded = /\.(conf|conflist|json)$/;

/** CNI configurations of others that a runtime would take instead of `name`, as they sort before it. */
export function earlierConfigurations(dir: string, name: string): string[] {
  try {
    return readdirSync(dir)
      .filter((other) => loaded.test(other) && other < name)
      .sort();
  } catch {
    return [];
  }
}
