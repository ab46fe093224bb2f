/** Watches directories that may be removed and recreated: a watch follows the directory, not its path. */
import { type FSWatcher, mkdirSync, statSync, watch } from 'node:fs';

export interface DirectoryWatchesDeps {
  /** Called for each change in a directory, and for a directory that was replaced. */
  onChange: (dir: string) => void;
  /** Called for a directory that cannot be watched. */
  refused: (dir: string, error: Error) => void;
}

interface Watched {
  identity: string;
  watcher: FSWatcher;
}

export class DirectoryWatches {
  readonly #dirs: readonly string[];
  readonly #deps: DirectoryWatchesDeps;
  readonly #watched = new Map<string, Watched>();
  #closed = false;

  constructor(dirs: readonly string[], deps: DirectoryWatchesDeps) {
    this.#dirs = [...new Set(dirs)];
    this.#deps = deps;
    for (const dir of this.#dirs) {
      this.#follow(dir);
    }
  }

  /** Recreates missing directories, and watches those that were replaced since. Costs one stat per directory. */
  renew(): void {
    for (const dir of this.#closed ? [] : this.#dirs) {
      if (this.#follow(dir)) {
        this.#deps.onChange(dir);
      }
    }
  }

  /**
   * Returns the directories that were deleted under a mount: the mount still leads to the deleted directory, where
   * nothing can be created, and only another mount leads to its successor.
   */
  deleted(): string[] {
    return this.#dirs.filter((dir) => statSync(dir, { throwIfNoEntry: false })?.nlink === 0);
  }

  close(): void {
    this.#closed = true;
    for (const { watcher } of this.#watched.values()) {
      watcher.close();
    }
    this.#watched.clear();
  }

  /** Returns true when the directory is another than before. */
  #follow(dir: string): boolean {
    const before = this.#watched.get(dir);
    try {
      mkdirSync(dir, { recursive: true });
      const { dev, ino } = statSync(dir);
      const identity = `${dev} ${ino}`;
      if (before?.identity === identity) {
        return false;
      }
      before?.watcher.close();
      this.#watched.delete(dir);
      const watcher = watch(dir, { persistent: false }, () => this.#deps.onChange(dir));
      watcher.on('error', () => undefined);
      this.#watched.set(dir, { identity, watcher });
      return before !== undefined;
    } catch (error) {
      before?.watcher.close();
      this.#watched.delete(dir);
      this.#deps.refused(dir, error as Error);
      return false;
    }
  }
}
