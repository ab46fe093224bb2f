/** Checks the package.json of a tarball with publint and arethetypeswrong, and that its files are packed and no others. */
import { readFileSync } from 'node:fs';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { filterProblems, problemKindInfo } from '@arethetypeswrong/core/problems';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import type { Packed } from './packages.ts';

/** Resolutions that the packages support. They are ESM only, so CommonJS and Node 10 are not among them. */
const SUPPORTED = ['node16-esm', 'bundler'] as const;

/** Files that a package may ship: code and its types, native source, executables, documents. */
const SHIPPED = /^package\.json$|^LICENSE$|^[A-Z]+\.md$|^build\/[^/]+$|\.([cm]?js|ts|d\.ts\.map|node|[ch])$/;

export async function checkManifest(packed: Packed): Promise<string[]> {
  const data = readFileSync(packed.tarball);
  const types = isLibrary(packed) ? await byTypes(data) : [];
  const problems = [...missingFiles(packed), ...byProducts(packed), ...(await byPublint(data)), ...types];
  return problems.map((problem) => `${packed.name}: ${problem}`);
}

/** Returns true if programs can import the package. A package that is only a command has no types. */
function isLibrary({ manifest: { exports } }: Packed): boolean {
  return exports instanceof Object && '.' in exports;
}

/** Finds files that package.json names and the tarball lacks. publint ignores unknown conditions such as ours. */
function missingFiles({ manifest, files }: Packed): string[] {
  const named = pathsIn([manifest.exports, manifest.imports, manifest.bin]);
  return named
    .filter((path) => !files.includes(path.slice(2)))
    .map((path) => `package.json names ${path}, which is not in the tarball`);
}

/** Finds files that a build leaves beside its output, such as its reports. */
function byProducts({ files }: Packed): string[] {
  return files
    .filter((path) => !SHIPPED.test(path))
    .map((path) => `The tarball has ${path}: exclude it in package.json, or add its kind to SHIPPED`);
}

function pathsIn(value: unknown): string[] {
  if (typeof value === 'string') {
    return value.startsWith('./') ? [value] : [];
  }
  return value instanceof Object ? Object.values(value).flatMap(pathsIn) : [];
}

async function byPublint(data: Buffer): Promise<string[]> {
  const tarball = new Uint8Array(data).buffer;
  const { messages, pkg } = await publint({ pack: { tarball }, strict: true });
  return messages.map((message) => `publint: ${formatMessage(message, pkg, { color: false })}`);
}

async function byTypes(data: Buffer): Promise<string[]> {
  const analysis = await checkPackage(createPackageFromTarballData(new Uint8Array(data)));
  if (!analysis.types) {
    return ['arethetypeswrong: The package has no types'];
  }
  const problems = SUPPORTED.flatMap((resolutionKind) => filterProblems(analysis, { resolutionKind }));
  return [...new Set(problems)].map((problem) => {
    const where =
      'entrypoint' in problem ? `${problem.entrypoint} (${problem.resolutionKind})` : 'the package';
    return `arethetypeswrong: ${where}: ${problemKindInfo[problem.kind].shortDescription}`;
  });
}
