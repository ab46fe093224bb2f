/** Reads the CNI folders of the container runtimes on this node from their configurations. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize } from 'node:path';

export interface RuntimeFolders {
  runtime: string;
  /** The configuration file that names the plugin folders. */
  file: string;
  /** Plugin folders in the order of the search; empty when no configuration names them. */
  binDirs: string[];
  /** The configuration folder and the file that names it; absent when no configuration names it. */
  confDir?: { dir: string; file: string } | undefined;
}

/** Configurations by runtime. In a folder, the last file by name that names a setting wins. */
const FILES: readonly (readonly [runtime: string, ...paths: string[]])[] = [
  ['containerd', '/etc/containerd/config.toml', '/etc/containerd/conf.d'],
  ['k3s', '/var/lib/rancher/k3s/agent/etc/containerd/config.toml'],
  ['RKE2', '/var/lib/rancher/rke2/agent/etc/containerd/config.toml'],
  ['k0s', '/etc/k0s/containerd.toml', '/run/k0s/containerd-cri.toml'],
  ['MicroK8s', '/var/snap/microk8s/current/args/containerd.toml'],
  ['CRI-O', '/etc/crio/crio.conf', '/etc/crio/crio.conf.d'],
];

/** Returns the runtimes whose configuration names folders. `root` replaces the root directory. */
export function runtimeFolders(root = '/'): RuntimeFolders[] {
  return FILES.flatMap(([runtime, ...paths]) => {
    const found: RuntimeFolders = { runtime, file: '', binDirs: [] };
    for (const file of withImports(
      paths.flatMap((path) => filesOf(join(root, path))),
      root,
    )) {
      const { binDirs, confDir } = cniFolders(textOf(file));
      if (binDirs.length > 0) {
        Object.assign(found, { file, binDirs });
      }
      if (confDir !== undefined) {
        found.confDir = { dir: confDir, file };
      }
    }
    return found.binDirs.length === 0 && found.confDir === undefined ? [] : [found];
  });
}

/**
 * Returns the files and those that they import, in containerd's order: the imports of a file come after all files that
 * were listed before them.
 */
function withImports(files: readonly string[], root: string): string[] {
  const all = new Set<string>();
  const pending = [...files];
  for (const file of pending) {
    if (all.has(file)) {
      continue;
    }
    all.add(file);
    pending.push(...importsOf(textOf(file)).flatMap((path) => imported(path, file, root)));
  }
  return [...all];
}

/** Returns the files that an entry of `imports` names. Relative ones start at the folder of the importing file. */
function imported(path: string, file: string, root: string): string[] {
  const whole = normalize(isAbsolute(path) ? join(root, path) : join(dirname(file), path));
  const name = whole.slice(whole.lastIndexOf('/') + 1);
  if (!name.includes('*')) {
    return [whole];
  }
  const parts = name.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  const pattern = new RegExp(`^${parts.join('.*')}$`);
  return entriesOf(dirname(whole), pattern) ?? [];
}

/** Folders that one configuration file names. */
export interface NamedFolders {
  binDirs: string[];
  confDir?: string | undefined;
}

/**
 * Returns the folders that a configuration names: `bin_dirs` of containerd's version 3, `bin_dir` of version 2, or
 * `plugin_dirs` of CRI-O, and `conf_dir` or `network_dir`. Reads the part of TOML that these configurations use. Pure.
 */
export function cniFolders(toml: string): NamedFolders {
  const settings = settingsOf(
    toml,
    (header) => /(^|[.'"])cni['"]?$/.test(header) || header === 'crio.network',
  );
  const several = settings.get('bin_dirs') ?? settings.get('plugin_dirs') ?? [];
  return {
    binDirs: several.length > 0 ? several : (settings.get('bin_dir') ?? []),
    confDir: (settings.get('conf_dir') ?? settings.get('network_dir'))?.[0],
  };
}

/** Returns the entries of `imports`, which stands before all sections. Pure. */
function importsOf(toml: string): string[] {
  return settingsOf(toml, (header) => header === '').get('imports') ?? [];
}

/** Returns the strings of each setting in the sections that match; '' is the part before the first section. */
function settingsOf(toml: string, matches: (header: string) => boolean): Map<string, string[]> {
  const settings = new Map<string, string[]>();
  let inSection = matches('');
  let text = '';
  for (const line of toml.split('\n').map(withoutComment)) {
    const header = /^\s*\[+(.*?)\]+\s*$/.exec(line)?.[1];
    if (text === '' && header !== undefined) {
      inSection = matches(header);
      continue;
    }
    if (!inSection) {
      continue;
    }
    text += line;
    const [, key, value] = /^\s*(\w+)\s*=(.*)$/.exec(text) ?? [];
    if (key !== undefined && value?.trimStart().startsWith('[') && !value.includes(']')) {
      continue;
    }
    text = '';
    if (key !== undefined && value !== undefined) {
      settings.set(key, strings(value));
    }
  }
  return settings;
}

/** Returns the quoted strings of a text, without empty ones. */
const strings = (text: string): string[] =>
  [...text.matchAll(/"([^"]*)"|'([^']*)'/g)]
    .map(([, double, simple]) => double ?? simple ?? '')
    .filter((each) => each !== '');

const withoutComment = (line: string): string => line.replace(/^((?:[^"'#]|"[^"]*"|'[^']*')*)#.*$/, '$1');

/** Returns the files of a folder, or the path itself when it is not one. */
const filesOf = (path: string): string[] => entriesOf(path, /\.(toml|conf)$/) ?? [path];

function entriesOf(dir: string, pattern: RegExp): string[] | undefined {
  try {
    return readdirSync(dir)
      .filter((name) => pattern.test(name))
      .sort()
      .map((name) => join(dir, name));
  } catch {
    return undefined;
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
