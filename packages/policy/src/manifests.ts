/**
 * Reads Kubernetes manifests from files.
 *
 * ```ts
 * import { decide } from '@cnikit/policy';
 * import { loadManifests } from '@cnikit/policy/manifests';
 *
 * const cluster = loadManifests(['deploy/']);
 * expect(decide(cluster, 'shop/web', 'shop/db', 'TCP', 5432).allowed).toBe(true);
 * ```
 *
 * @module
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { checkList } from './arguments.ts';
import { type Cluster, readCluster } from './cluster.ts';
import { expandManifests } from './workloads.ts';

/** Reports a file that is not YAML or JSON. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

/**
 * Reads all YAML and JSON files of the paths: files, or folders with their subfolders. A workload becomes one pod.
 *
 * @throws {ManifestError} when a file cannot be read or parsed, or a path has no manifest
 * @throws {InvalidObjectError} when an object has a field that the API server would refuse
 * @throws {ArgumentError} when the argument is not a list
 */
export function loadManifests(paths: readonly string[]): Cluster {
  checkList('paths', paths);
  const files = paths.flatMap(manifestsIn);
  return readCluster(expandManifests(files.flatMap((file) => parseManifests(read(file), file))));
}

/**
 * Parses a YAML stream or JSON. `name` stands for the input in errors.
 *
 * @throws {ManifestError} when the text is invalid, or a document is a list or a plain value instead of an object
 */
export function parseManifests(text: string, name: string): unknown[] {
  return parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error) {
      throw new ManifestError(`${name}: ${error.message.split('\n')[0]}`);
    }
    const value: unknown = document.toJS();
    if (value === null || value === undefined) {
      return [];
    }
    if (typeof value !== 'object' || Array.isArray(value)) {
      const kind = Array.isArray(value) ? 'a list' : JSON.stringify(value).slice(0, 40);
      throw new ManifestError(`${name}: expected Kubernetes objects, got ${kind}`);
    }
    return [value];
  });
}

function read(file: string): string {
  return orError(file, () => readFileSync(file, 'utf8'));
}

function manifestsIn(path: string): string[] {
  if (!orError(path, () => statSync(path)).isDirectory()) {
    return [path];
  }
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(ya?ml|json)$/.test(file))
    .sort()
    .map((file) => join(path, file));
  if (files.length === 0) {
    throw new ManifestError(`${path}: no file ends with .yaml, .yml or .json`);
  }
  return files;
}

function orError<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new ManifestError(`${path}: ${(error as Error).message}`, { cause: error });
  }
}
