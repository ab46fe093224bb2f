/**
 * Fetches the pinned QuickJS engine once, verifies it and unpacks it below the cache directory. To change the engine or
 * its version, change this file, changes/ and host/.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { changedSources, changingFiles } from './changes/changed-sources.ts';
import { PROFILE } from './profile.ts';

const VERSION = '2025.04.26';
/** Hash of the tarball, which is identical in Debian's source package quickjs 2025.04.26-1 and upstream's release. */
const SHA256 = 'ec81da5b3249ed648dbc7df4a1654988910e66a118d9b71cb63534216efcfbbe';
const DEBIAN_FILE = `q/quickjs/quickjs_${VERSION}.orig.tar.xz`;
const UPSTREAM = `https://bellard.org/quickjs/quickjs-${VERSION.replaceAll('.', '-')}.tar.xz`;
const APT_HELPER = '/usr/lib/apt/apt-helper';

/** The compiled sources. The engine's standard library (quickjs-libc.c) is not used. */
export const ENGINE_SOURCES = ['quickjs.c', 'libregexp.c', 'libunicode.c', 'cutils.c', 'dtoa.c'];

/** Flags for the engine, which relies on signed overflow and old-style casts. Its warnings are disabled. */
export const ENGINE_FLAGS = ['-fwrapv', '-w', `-DCONFIG_VERSION="${VERSION.replaceAll('.', '-')}"`];

/** Returns the folder with the changed sources of the engine, with marks for a profile or without. Fetches them if necessary. */
export async function engineSources(cacheDir: string, profile = false): Promise<string> {
  const original = await originalSources(cacheDir);
  const hash = createHash('sha256');
  for (const file of [...changingFiles(), ...(profile ? PROFILE.files : [])]) {
    hash.update(readFileSync(file));
  }
  const folder = `${original}-${hash.digest('hex').slice(0, 12)}`;
  if (existsSync(folder)) {
    return folder;
  }
  const changed = changedSources(
    (file) => readFileSync(join(original, file), 'utf8'),
    profile ? PROFILE : undefined,
  );
  const work = mkdtempSync(join(cacheDir, 'change-'));
  try {
    cpSync(original, work, { recursive: true });
    for (const [file, text] of changed) {
      writeFileSync(join(work, file), text);
    }
    moveUnlessThere(work, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

/** Returns the folder with the original sources. */
async function originalSources(cacheDir: string): Promise<string> {
  const folder = join(cacheDir, `quickjs-${SHA256.slice(0, 12)}`);
  if (existsSync(join(folder, 'quickjs.c'))) {
    return folder;
  }
  mkdirSync(cacheDir, { recursive: true });
  const work = mkdtempSync(join(cacheDir, 'fetch-'));
  try {
    const tarball = join(work, 'engine.tar.xz');
    await fetchTarball(tarball);
    const source = join(work, 'source');
    mkdirSync(source);
    execFileSync('tar', ['-xJf', tarball, '-C', source, '--strip-components=1']);
    moveUnlessThere(source, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

function moveUnlessThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    // A concurrent build was faster.
    if (!existsSync(join(to, 'quickjs.c'))) {
      throw error;
    }
  }
}

async function fetchTarball(to: string): Promise<void> {
  const failures: string[] = [];
  for (const url of [...distributionUrls(), UPSTREAM]) {
    try {
      await download(url, to);
      const sum = createHash('sha256').update(readFileSync(to)).digest('hex');
      if (sum === SHA256) {
        return;
      }
      failures.push(`${url}: wrong sha256 ${sum}`);
    } catch (error) {
      failures.push(`${url}: ${(error as Error).message.trim().split('\n').at(-1)}`);
    }
    rmSync(to, { force: true });
  }
  throw new Error(
    `Cannot fetch QuickJS ${VERSION}. Put its original tarball's sources at quickjs-${SHA256.slice(0, 12)} in the cache folder, ` +
      `or make one of these reachable:\n  ${failures.join('\n  ')}`,
  );
}

/** Returns the URLs of the tarball in the package sources of this machine. */
function distributionUrls(): string[] {
  return aptRepositories().flatMap((base) =>
    ['main', 'universe'].map((component) => `${base}/pool/${component}/${DEBIAN_FILE}`),
  );
}

/** Returns the base URLs of apt's sources. apt itself parses both of its formats and mirror lists. */
function aptRepositories(): string[] {
  try {
    const out = execFileSync('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const bases = new Set(out.split('\n').map((line) => line.trim().replace(/\/$/, '')));
    // Use archives of a distribution only, not repositories of other vendors.
    return [...bases].filter((base) => /^https?:.*\/(debian|ubuntu|ubuntu-ports)$/.test(base));
  } catch {
    return [];
  }
}

/** Downloads with apt's helper if it exists, because it uses the machine's proxy. */
async function download(url: string, to: string): Promise<void> {
  if (url !== UPSTREAM && existsSync(APT_HELPER)) {
    execFileSync(APT_HELPER, ['download-file', url, to], {
      stdio: ['ignore', 'ignore', 'pipe'],
      encoding: 'utf8',
    });
    return;
  }
  const response = await fetch(url, { signal: AbortSignal.timeout(120_000) });
  if (!response.ok) {
    throw new Error(`HTTP ${response.status}`);
  }
  writeFileSync(to, Buffer.from(await response.arrayBuffer()));
}
