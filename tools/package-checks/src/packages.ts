/** Published packages and their tarballs. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { npm } from '../../dependencies.mjs';
import { capture } from '../../process.mjs';

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly imports?: Readonly<Record<string, unknown>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

export interface Package {
  readonly name: string;
  readonly folder: string;
  readonly manifest: Manifest;
  /** Import specifiers and their sources: `['@cnikit/netlink/codec', '/…/src/codec/index.ts']`. */
  readonly entries: readonly (readonly [specifier: string, source: string])[];
}

export interface Packed extends Package {
  readonly tarball: string;
  readonly bytes: number;
  readonly unpackedBytes: number;
  /** Paths in the package. */
  readonly files: readonly string[];
}

/** Returns the packages of the folder `packages` that are not private. */
export function publishable(root: string): Package[] {
  return readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name))
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .map((folder) => {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
      const entries = Object.entries(manifest.exports).flatMap(([path, target]) =>
        typeof target === 'string'
          ? []
          : [[`${manifest.name}${path.slice(1)}`, join(folder, target['@cnikit/source'] ?? '')] as const],
      );
      return { name: manifest.name, folder, manifest, entries };
    })
    .filter(({ manifest }) => !manifest.private);
}

/** Packs the packages into a folder, as `npm publish` does. */
export async function pack(
  root: string,
  packages: readonly Package[],
  into: string,
  env: NodeJS.ProcessEnv,
): Promise<Packed[]> {
  const workspaces = packages.flatMap(({ name }) => ['--workspace', name]);
  const argv = [...npm(env), 'pack', '--json', '--loglevel=error', '--pack-destination', into, ...workspaces];
  const { status, output } = await capture(argv, { cwd: root, env });
  if (status !== 0) {
    throw new Error(`npm pack failed with status ${status}:\n${output}`);
  }
  const made = tarballs(output);
  return packages.map((one) => {
    const found = made.find(({ name }) => name === one.name);
    if (!found) {
      throw new Error(`npm pack did not create a tarball of ${one.name}:\n${output}`);
    }
    const { filename, size: bytes, unpackedSize: unpackedBytes } = found;
    const files = found.files.map(({ path }) => path);
    return { ...one, tarball: join(into, filename), bytes, unpackedBytes, files };
  });
}

interface Tarball {
  readonly name: string;
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

/** Parses the output of npm pack after its warnings: an array up to npm 10, since then an object by name. */
function tarballs(output: string): Tarball[] {
  const start = output.search(/^[[{]/m);
  if (start === -1) {
    throw new Error(`npm pack printed no JSON:\n${output}`);
  }
  return Object.values(JSON.parse(output.slice(start)) as Tarball[] | Record<string, Tarball>);
}
