/** Installs the plugin's executable and, last of all, the CNI configuration. */
import { lstatSync, mkdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { FileAction } from '../core/action.ts';
import { CONFLIST_NAME } from '../core/names.ts';
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
import { whyNotRuns as whyItDoesNotRun } from './probe-executable.ts';
import { putBack } from './rollback.ts';

export interface CniPaths extends CniDirs {
  /** The plugin's executable to install. */
  pluginBinary: string;
  /** Names under which the executable is also to be found, where nothing else is: it serves each as its plugin. */
  links?: readonly string[];
  /** Why an executable does not run here; undefined when it does. */
  whyNotRuns?: (path: string) => string | undefined;
}

export interface Cni {
  /** `conflist` absent: only the executable. */
  plan(conflist?: string): FileAction[];
  /**
   * Executable first, conflist last; returns what changed. An executable that does not run here gives way to the one
   * before it, if that does.
   */
  apply(conflist?: string): FileAction[];
  /** Files held back since a roll-back, and an executable that does not run. */
  problems(): Problem[];
  remove(): string[];
}

interface Step {
  action: FileAction;
  run: () => void;
}

export function createCni({
  binDir,
  confDir,
  pluginBinary,
  links = [],
  whyNotRuns = whyItDoesNotRun,
}: CniPaths): Cni {
  /** The hash of each file as this process saw it right last: another one now is damage, not an earlier version. */
  const right = new Map<string, string>();
  let held: string[] = [];
  const plugin = join(binDir, PLUGIN_NAME);
  /** Of the executable that is in place. */
  let installed = '';
  /** Of the last one that was tried: its hash, and why it does not run. */
  let tried: { hash: string; why: string | undefined } | undefined;
  /** Why the agent's own gave way. */
  let gaveWay: string | undefined;

  const files = (conflist: string | undefined): Step[] => {
    const binary: FileSpec = {
      dir: binDir,
      name: PLUGIN_NAME,
      content: readFileSync(pluginBinary),
      mode: 0o755,
    };
    held = [];
    const linked = links.flatMap(linkStep);
    if (conflist === undefined) {
      return [...fileStep(binary), ...linked];
    }
    const list: FileSpec = { dir: confDir, name: CONFLIST_NAME, content: Buffer.from(conflist), mode: 0o644 };
    return [...fileStep(binary), ...linked, ...fileStep(list)];
  };

  const fileStep = (spec: FileSpec): Step[] => {
    const { dir, name, content } = spec;
    const path = join(dir, name);
    const is = fileState(path);
    const op = compareFile(spec, is);
    const hash = hashOf(content);
    if (name === PLUGIN_NAME) {
      installed = hash;
    }
    if (op === 'same') {
      right.set(path, hash);
      return [];
    }
    if (is !== undefined && isHeld(dir, name, hash)) {
      held.push(path);
      if (name === PLUGIN_NAME) {
        installed = is.hash;
      }
      return [];
    }
    const run = (): void => {
      const before = right.get(path);
      if (is !== undefined && is.hash !== hash && (before === undefined || before === is.hash)) {
        keepCopy(dir, name, previousName(name));
      }
      installFile(spec);
      right.set(path, hash);
      removeFile(dir, heldName(name));
      if (name === CONFLIST_NAME) {
        noticeConflist(confDir);
      }
    };
    return [{ action: { kind: 'file', op, path }, run }];
  };

  const linkStep = (name: string): Step[] => {
    const path = join(binDir, name);
    if (lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
      return [];
    }
    const run = (): void => {
      mkdirSync(binDir, { recursive: true, mode: 0o755 });
      symlinkSync(PLUGIN_NAME, path);
    };
    return [{ action: { kind: 'file', op: 'add', path }, run }];
  };

  /** Each executable is tried once, and one that does not run every time. */
  const trial = (): FileAction[] => {
    if (tried?.hash === installed && tried.why === undefined) {
      return [];
    }
    const why = whyNotRuns(plugin);
    tried = { hash: installed, why };
    const before = join(binDir, previousName(PLUGIN_NAME));
    if (why === undefined || held.includes(plugin) || fileState(before) === undefined) {
      return [];
    }
    if (whyNotRuns(before) !== undefined) {
      return [];
    }
    putBack(binDir, PLUGIN_NAME, installed);
    [gaveWay, tried] = [why, undefined];
    // It is the version before again, and no damage.
    right.delete(plugin);
    held.push(plugin);
    return [{ kind: 'file', op: 'change', path: plugin }];
  };

  return {
    plan: (conflist) => files(conflist).map(({ action }) => action),
    apply: (conflist) => {
      const steps = files(conflist);
      const list = steps.filter(({ action }) => action.path === join(confDir, CONFLIST_NAME));
      for (const step of steps) {
        if (!list.includes(step)) {
          step.run();
        }
      }
      const retreat = trial();
      for (const step of list) {
        step.run();
      }
      return [...steps.map(({ action }) => action), ...retreat];
    },
    problems: () => [
      ...held.map((path) => heldBack(path, path === plugin ? gaveWay : undefined)),
      ...(tried?.why === undefined ? [] : [doesNotRun(plugin, tried.why)]),
    ],
    // The conflist first: without it no new pod starts on a path that is being taken down.
    remove: () => {
      const names: Array<[string, string]> = [
        [confDir, CONFLIST_NAME],
        [confDir, previousName(CONFLIST_NAME)],
        [confDir, heldName(CONFLIST_NAME)],
        [confDir, NOTICE_NAME],
        ...ownLinks(binDir, links).map((name): [string, string] => [binDir, name]),
        [binDir, PLUGIN_NAME],
        [binDir, previousName(PLUGIN_NAME)],
        [binDir, heldName(PLUGIN_NAME)],
      ];
      return names.flatMap(([dir, name]) => (removeFile(dir, name) ? [join(dir, name)] : []));
    },
  };
}

const doesNotRun = (path: string, why: string): Problem =>
  problem(
    'broken-plugin',
    path,
    `${path} does not run on this node (${why}), so no pod can start or end here. It is as this agent installed it: look for another architecture, a noexec mount, or a security module that forbids it`,
  );

const heldBack = (path: string, why: string | undefined): Problem =>
  problem(
    'held-file',
    path,
    `${path} is the one before: ${why === undefined ? 'somebody rolled back' : `this agent's own does not run here (${why})`}, and this agent's own is held. It comes with another version of the agent, or by \`cnikit-agent rollback --undo\``,
  );

/** Those of the links that are there and lead to our executable. */
function ownLinks(binDir: string, links: readonly string[]): string[] {
  return links.filter((name) => {
    const path = join(binDir, name);
    const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
    return isLink && readlinkSync(path) === PLUGIN_NAME;
  });
}

/** True when somebody rolled back from what has this hash. */
function isHeld(dir: string, name: string, hash: string): boolean {
  return readText(join(dir, heldName(name)))?.trim() === hash;
}
