import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { pluginFolders, runtimeFolders } from './runtime-folders.ts';

const cases: [string, string, string[]][] = [
  [
    'bin_dir of containerd version 2',
    'version = 2\n[plugins."io.containerd.grpc.v1.cri".cni]\n  bin_dir = "/usr/lib/cni"\n  conf_dir = "/etc/cni/net.d"\n',
    ['/usr/lib/cni'],
  ],
  [
    'bin_dirs of containerd version 3, although bin_dir is there too',
    "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.cni]\n  bin_dir = ''\n  bin_dirs = ['/opt/cni/bin', \"/usr/lib/cni\"]\n",
    ['/opt/cni/bin', '/usr/lib/cni'],
  ],
  [
    'plugin_dirs of CRI-O on several lines with comments',
    '[crio.network]\n# plugin_dirs = ["/no"]\nplugin_dirs = [ # two\n  "/opt/cni/bin/", # "/no"\n  "/usr/libexec/cni",\n]\n',
    ['/opt/cni/bin/', '/usr/libexec/cni'],
  ],
  ['nothing of other sections', '[plugins.x.other]\nbin_dir = "/no"\n', []],
  ['nothing of an empty file', '', []],
];

test.each(cases)('pluginFolders() reads %s', (_, toml, folders) => {
  expect(pluginFolders(toml)).toEqual(folders);
});

test('runtimeFolders() reads each runtime, and the last file of a folder wins', () => {
  const root = mkdtempSync(join(tmpdir(), 'cnikit-runtimes-'));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  write('etc/containerd/config.toml', '[plugins.x.cni]\nbin_dir = "/a"\n');
  write('etc/crio/crio.conf.d/00-x.conf', '[crio.network]\nplugin_dirs = ["/b"]\n');
  write('etc/crio/crio.conf.d/10-x.conf', '[crio.network]\nplugin_dirs = ["/c"]\n');
  write('etc/crio/crio.conf.d/20-x.conf', '[crio.runtime]\n');
  expect(runtimeFolders(root)).toEqual([
    { runtime: 'containerd', file: join(root, 'etc/containerd/config.toml'), binDirs: ['/a'] },
    { runtime: 'CRI-O', file: join(root, 'etc/crio/crio.conf.d/10-x.conf'), binDirs: ['/c'] },
  ]);
  rmSync(root, { recursive: true });
});
