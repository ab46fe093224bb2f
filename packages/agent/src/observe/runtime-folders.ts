/** Reads the CNI plugin folders of the container runtimes on this node from their configurations. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface RuntimeFolders {
  runtime: string;
  /** The configuration file that names the folders. */
  file: string;
  /** In the order of the search. */
  binDirs: string[];
}

/** Configurations by runtime. In a folder, the last file by name that names plugin folders wins. */
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
    const named = paths
      .flatMap((path) => filesOf(join(root, path)))
      .flatMap((file) => {
        const binDirs = pluginFolders(textOf(file));
        return binDirs.length === 0 ? [] : [{ runtime, file, binDirs }];
      });
    return named.slice(-1);
  });
}

/**
 * Returns the plugin folders that a configuration names: `bin_dirs` of containerd's version 3, `bin_dir` of version 2,
 * or `plugin_dirs` of CRI-O. Reads the part of TOML that these configurations use. Pure.
 */
export function pluginFolders(toml: string): string[] {
  let inSection = false;
  let list = '';
  let single: string[] = [];
  let several: string[] = [];
  for (const line of toml.split('\n').map(withoutComment)) {
    const header = /^\s*\[+(.*?)\]+\s*$/.exec(line)?.[1];
    if (list === '' && header !== undefined) {
      inSection = /(^|[.'"])cni['"]?$/.test(header) || header === 'crio.network';
      continue;
    }
    if (!inSection) {
      continue;
    }
    if (list !== '' || /^\s*(bin_dirs|plugin_dirs)\s*=/.test(line)) {
      list += line;
      if (list.includes(']')) {
        several = strings(list.slice(list.indexOf('=')));
        list = '';
      }
    } else if (/^\s*bin_dir\s*=/.test(line)) {
      single = strings(line);
    }
  }
  return several.length > 0 ? several : single;
}

/** Returns the quoted strings of a text, without empty ones. */
const strings = (text: string): string[] =>
  [...text.matchAll(/"([^"]*)"|'([^']*)'/g)]
    .map(([, double, simple]) => double ?? simple ?? '')
    .filter((each) => each !== '');

const withoutComment = (line: string): string => line.replace(/^((?:[^"'#]|"[^"]*"|'[^']*')*)#.*$/, '$1');

function filesOf(path: string): string[] {
  try {
    return readdirSync(path)
      .filter((name) => /\.(toml|conf)$/.test(name))
      .sort()
      .map((name) => join(path, name));
  } catch {
    return [path];
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
