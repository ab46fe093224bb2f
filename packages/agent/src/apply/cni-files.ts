/** Installs the plugin's executable and, last of all, the CNI configuration. */
import { lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { FileAction } from '../core/action.ts';
import { CONFLIST_NAME, temporaryName } from '../core/names.ts';
import { type Problem, problem } from '../core/problem.ts';
import {
  type CniDirs,
  heldName,
  NOTICE_NAME,
  noticeConflist,
  PLUGIN_NAME,
  previousName,
} from './cni-names.ts';
import {
  compareFile,
  type FileSpec,
  fileState,
  hashOf,
  installFile,
  keepCopy,
  readText,
  removeFile,
} from './files.ts';
import { whyNotRuns } from './probe-executable.ts';
import { restorePrevious } from './rollback.ts';

export interface CniFilesOptions extends CniDirs {
  /** The plugin's executable to install. */
  pluginBinary: string;
  /** Names of symbolic links to the executable, for plugins that it also serves. Existing files stay. */
  links?: readonly string[];
  /** Returns why an executable does not run here; undefined when it does. */
  whyNotRuns?: (path: string) => string | undefined;
}

export interface Cni {
  /** Plans what `apply` would do. Without `conflist`, only the executable and its links. */
  plan(conflist?: string): FileAction[];
  /**
   * Installs the executable first and the conflist last. Returns what changed. If the executable does not run here, and
   * the previous one does, restores the previous one.
   */
  apply(conflist?: string): FileAction[];
  /** Files that are held after a roll-back, and an executable that does not run. */
  problems(): Problem[];
}

interface Step {
  action: FileAction;
  run: () => void;
}

export class CniFiles implements Cni {
  readonly #options: Required<CniFilesOptions>;
  readonly #plugin: string;
  readonly #conflist: string;
  /** Hash of each file when this process last found it right: another hash now is damage, not an earlier version. */
  readonly #right = new Map<string, string>();
  /** Paths that are held after a roll-back. */
  #held: string[] = [];
  /** Hash of the installed executable. */
  #installed = '';
  /** The executable that was tried last, and why it does not run. */
  #tried: { hash: string; why: string | undefined } | undefined;
  /** Why the agent restored the previous executable. */
  #fallbackReason: string | undefined;
  /** Runtimes have not been notified of the last conflist. */
  #noticeDue = false;

  constructor(options: CniFilesOptions) {
    this.#options = { links: [], whyNotRuns, ...options };
    this.#plugin = join(options.binDir, PLUGIN_NAME);
    this.#conflist = join(options.confDir, CONFLIST_NAME);
  }

  plan(conflist?: string): FileAction[] {
    return this.#steps(conflist).map(({ action }) => action);
  }

  apply(conflist?: string): FileAction[] {
    const steps = this.#steps(conflist);
    const isConflist = ({ action }: Step): boolean => action.path === this.#conflist;
    for (const step of steps) {
      if (!isConflist(step)) {
        step.run();
      }
    }
    const fallback = this.#tryPlugin();
    for (const step of steps.filter(isConflist)) {
      step.run();
    }
    if (this.#noticeDue) {
      noticeConflist(this.#options.confDir);
      this.#noticeDue = false;
    }
    return [...steps.map(({ action }) => action), ...fallback];
  }

  problems(): Problem[] {
    const why = this.#tried?.why;
    return [
      ...this.#held.map((path) => heldFile(path, path === this.#plugin ? this.#fallbackReason : undefined)),
      ...(why === undefined ? [] : [brokenPlugin(this.#plugin, why)]),
    ];
  }

  /** Removes the conflist and the files beside it. Returns the paths. */
  removeConfiguration(): string[] {
    const names = [CONFLIST_NAME, previousName(CONFLIST_NAME), heldName(CONFLIST_NAME), NOTICE_NAME];
    return removeFiles(this.#options.confDir, names);
  }

  /** Removes the plugin's executable, its links and the files beside it. Returns the paths. */
  removePlugin(): string[] {
    const { binDir, links } = this.#options;
    const names = [PLUGIN_NAME, previousName(PLUGIN_NAME), heldName(PLUGIN_NAME)];
    return removeFiles(binDir, [...ownLinks(binDir, links), ...names]);
  }

  #steps(conflist: string | undefined): Step[] {
    const { binDir, confDir, pluginBinary, links } = this.#options;
    const content = readFileSync(pluginBinary);
    this.#held = [];
    const steps = [
      ...this.#fileStep({ dir: binDir, name: PLUGIN_NAME, content, mode: 0o755 }),
      ...links.flatMap((name) => this.#linkStep(name)),
    ];
    if (conflist !== undefined) {
      const list = { dir: confDir, name: CONFLIST_NAME, content: Buffer.from(conflist), mode: 0o644 };
      steps.push(...this.#fileStep(list));
    }
    return steps;
  }

  #fileStep(spec: FileSpec): Step[] {
    const { dir, name, content } = spec;
    const path = join(dir, name);
    const present = fileState(path);
    const op = compareFile(spec, present);
    const hash = hashOf(content);
    if (name === PLUGIN_NAME) {
      this.#installed = hash;
    }
    if (op === 'same') {
      this.#right.set(path, hash);
      return [];
    }
    if (present !== undefined && isHeld(dir, name, hash)) {
      this.#held.push(path);
      if (name === PLUGIN_NAME) {
        this.#installed = present.hash;
      }
      return [];
    }
    const run = (): void => {
      const before = this.#right.get(path);
      if (
        present !== undefined &&
        present.hash !== hash &&
        (before === undefined || before === present.hash)
      ) {
        keepCopy(dir, name, previousName(name));
      }
      installFile(spec);
      this.#right.set(path, hash);
      this.#noticeDue ||= name === CONFLIST_NAME;
      removeFile(dir, heldName(name));
    };
    return [{ action: { kind: 'file', op, path }, run }];
  }

  #linkStep(name: string): Step[] {
    const { binDir } = this.#options;
    const path = join(binDir, name);
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
      return [];
    }
    const run = (): void => {
      mkdirSync(binDir, { recursive: true, mode: 0o755 });
      symlinkSync(PLUGIN_NAME, path);
    };
    return [{ action: { kind: 'file', op: 'add', path }, run }];
  }

  /** Runs each executable once, and one that does not run in every pass. */
  #tryPlugin(): FileAction[] {
    const { binDir } = this.#options;
    if (this.#tried?.hash === this.#installed && this.#tried.why === undefined) {
      return [];
    }
    const why = this.#options.whyNotRuns(this.#plugin);
    this.#tried = { hash: this.#installed, why };
    const previous = join(binDir, previousName(PLUGIN_NAME));
    if (why === undefined || this.#held.includes(this.#plugin) || fileState(previous) === undefined) {
      return [];
    }
    if (this.#options.whyNotRuns(previous) !== undefined) {
      return [];
    }
    restorePrevious(binDir, PLUGIN_NAME, this.#installed);
    this.#fallbackReason = why;
    this.#tried = undefined;
    // The executable is the previous version now, which is not damage.
    this.#right.delete(this.#plugin);
    this.#held.push(this.#plugin);
    return [{ kind: 'file', op: 'change', path: this.#plugin }];
  }
}

const brokenPlugin = (path: string, why: string): Problem =>
  problem(
    'broken-plugin',
    path,
    `${path} does not run on this node (${why}), so no pod can start or stop here. The file is as this agent installed it: check for another architecture, a noexec mount, or a security module that forbids it`,
  );

function heldFile(path: string, why: string | undefined): Problem {
  const cause = why === undefined ? '' : `, because the agent's own does not run here (${why})`;
  return problem(
    'held-file',
    path,
    `${path} was rolled back to the previous version${cause}. The agent reinstalls its own after the next upgrade, or on \`cnikit-agent rollback --undo\``,
  );
}

/** Removes files, and the temporary ones that a killed agent left beside them. */
function removeFiles(dir: string, names: readonly string[]): string[] {
  return names
    .flatMap((name) => [name, temporaryName(name)])
    .filter((name) => removeFile(dir, name))
    .map((name) => join(dir, name));
}

/** The links that lead to our executable. */
function ownLinks(binDir: string, links: readonly string[]): string[] {
  return links.filter((name) => {
    const path = join(binDir, name);
    const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
    return isLink && readlinkSync(path) === PLUGIN_NAME;
  });
}

/** True when the file with this hash was rolled back. */
function isHeld(dir: string, name: string, hash: string): boolean {
  return readText(join(dir, heldName(name)))?.trim() === hash;
}
