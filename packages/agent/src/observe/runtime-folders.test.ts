import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cniFolders, type NamedFolders, runtimeFolders } from './runtime-folders.ts';

const cases: [string, string, NamedFolders][] = [
  [
    'bin_dir of containerd version 2',
    'version = 2\n[plugins."io.containerd.grpc.v1.cri".cni]\n  bin_dir = "/usr/lib/cni"\n  conf_dir = "/etc/cni/net.d"\n',
    { binDirs: ['/usr/lib/cni'], confDir: '/etc/cni/net.d' },
  ],
  [
    'bin_dirs of containerd version 3, although bin_dir is there too',
    "version = 3\n[plugins.'io.containerd.cri.v1.runtime'.cni]\n  bin_dir = ''\n  bin_dirs = ['/opt/cni/bin', \"/usr/lib/cni\"]\n",
    { binDirs: ['/opt/cni/bin', '/usr/lib/cni'] },
  ],
  [
    'plugin_dirs of CRI-O on several lines with comments',
    '[crio.network]\nnetwork_dir = "/etc/cni/crio/"\n# plugin_dirs = ["/no"]\nplugin_dirs = [ # two\n  "/opt/cni/bin/", # "/no"\n  "/usr/libexec/cni",\n]\n',
    { binDirs: ['/opt/cni/bin/', '/usr/libexec/cni'], confDir: '/etc/cni/crio/' },
  ],
  ['nothing of other sections', '[plugins.x.other]\nbin_dir = "/no"\nconf_dir = "/no"\n', { binDirs: [] }],
  ['nothing of an empty file', '', { binDirs: [] }],
];

test.each(cases)('cniFolders() reads %s', (_, toml, folders) => {
  expect(cniFolders(toml)).toEqual(folders);
});

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'cnikit-runtimes-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

test('runtimeFolders() reads each runtime, and the last file of a folder wins', () => {
  write('etc/containerd/config.toml', '[plugins.x.cni]\nbin_dir = "/a"\n');
  write('etc/crio/crio.conf.d/00-x.conf', '[crio.network]\nplugin_dirs = ["/b"]\n');
  write('etc/crio/crio.conf.d/10-x.conf', '[crio.network]\nplugin_dirs = ["/c"]\n');
  write('etc/crio/crio.conf.d/20-x.conf', '[crio.runtime]\n');
  expect(runtimeFolders(root)).toEqual([
    { runtime: 'containerd', file: join(root, 'etc/containerd/config.toml'), binDirs: ['/a'] },
    { runtime: 'CRI-O', file: join(root, 'etc/crio/crio.conf.d/10-x.conf'), binDirs: ['/c'] },
  ]);
});

test('runtimeFolders() follows imports, whose settings win one by one', () => {
  write(
    'etc/containerd/config.toml',
    'imports = [\n  "/etc/containerd/more/*.toml", # a pattern\n  "own.toml"]\nversion = 3\n[plugins.x.cni]\nbin_dirs = ["/a"]\nconf_dir = "/conf/a"\n',
  );
  write('etc/containerd/own.toml', '[plugins.x.cni]\nconf_dir = "/conf/b"\n');
  write('etc/containerd/more/1.toml', 'imports = ["../config.toml", "2.txt", "/missing.toml"]\n');
  write('etc/containerd/more/2.txt', '[plugins.x.cni]\nbin_dir = "/c"\n');
  expect(runtimeFolders(root)).toEqual([
    {
      runtime: 'containerd',
      file: join(root, 'etc/containerd/more/2.txt'),
      binDirs: ['/c'],
      confDir: { dir: '/conf/b', file: join(root, 'etc/containerd/own.toml') },
    },
  ]);
});
