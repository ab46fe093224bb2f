/** Installs the plugin's executable and, last of all, the CNI configuration. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CONFLIST_NAME } from '../desired/conflist.ts';
import type { FileAction } from '../diff.ts';
import type { Problem } from '../model.ts';
import { compareFile, earlierConfigurations, type FileSpec, installFile, removeFile } from './files.ts';

export const PLUGIN_NAME = 'cnikit';
/** Written after the conflist: some runtimes miss a rename, and reload at any write in the directory. */
const NOTICE_NAME = '05-cnikit.notice';

export interface CniPaths {
  /** /opt/cni/bin of the host. */
  binDir: string;
  /** /etc/cni/net.d of the host. */
  confDir: string;
  /** The plugin's executable to install. */
  pluginBinary: string;
}

export interface Cni {
  /** `conflist` absent: only the executable. */
  plan(conflist?: string): FileAction[];
  /** Executable first, conflist last; returns what changed. */
  apply(conflist?: string): FileAction[];
  /** Configurations that win over ours. */
  problems(): Problem[];
  remove(): string[];
}

export function createCni({ binDir, confDir, pluginBinary }: CniPaths): Cni {
  const specs = (conflist: string | undefined): FileSpec[] => {
    const binary = { dir: binDir, name: PLUGIN_NAME, content: readFileSync(pluginBinary), mode: 0o755 };
    if (conflist === undefined) return [binary];
    return [binary, { dir: confDir, name: CONFLIST_NAME, content: Buffer.from(conflist), mode: 0o644 }];
  };
  const pending = (conflist: string | undefined): Array<{ spec: FileSpec; action: FileAction }> =>
    specs(conflist).flatMap((spec) => {
      const op = compareFile(spec);
      return op === 'same' ? [] : [{ spec, action: { kind: 'file', op, path: join(spec.dir, spec.name) } }];
    });
  return {
    plan: (conflist) => pending(conflist).map(({ action }) => action),
    apply: (conflist) => {
      const todo = pending(conflist);
      for (const { spec } of todo) {
        installFile(spec);
        if (spec.name === CONFLIST_NAME) notice(confDir);
      }
      return todo.map(({ action }) => action);
    },
    problems: () =>
      earlierConfigurations(confDir, CONFLIST_NAME).map((name) => ({
        key: `earlier ${name}`,
        message: `${join(confDir, name)} sorts before ${CONFLIST_NAME}, so the container runtime uses it and not cnikit. Remove it when its CNI is gone`,
      })),
    // The conflist first: without it no new pod starts on a path that is being taken down.
    remove: () =>
      [
        [confDir, CONFLIST_NAME],
        [confDir, NOTICE_NAME],
        [binDir, PLUGIN_NAME],
      ].flatMap(([dir, name]) => (removeFile(dir!, name!) ? [join(dir!, name!)] : [])),
  };
}

function notice(confDir: string): void {
  writeFileSync(
    join(confDir, NOTICE_NAME),
    'Written whenever 05-cnikit.conflist is replaced, for runtimes that miss a rename.\n',
  );
}
