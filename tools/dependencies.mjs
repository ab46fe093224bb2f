// Installs the npm dependencies when they are missing, incomplete or not those of package-lock.json.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { capture, seconds } from './process.mjs';

/**
 * Installs the content of package-lock.json into node_modules. The marker is written last and holds the hash of the
 * lock file, so an interrupted install is detected and repaired.
 *
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} 0 when the dependencies are installed
 */
export async function ensureDependencies(root, env) {
  const marker = join(root, 'node_modules', '.cnikit-installed');
  const key = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex');
  if (pinnedNodeWorks(root) && (readIfExists(marker) === key || installedByUser(root))) {
    return 0;
  }

  console.log('Installing npm dependencies');
  const start = performance.now();
  const install = [...npm(env), 'ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, output } = await capture(install, { cwd: root, env });
  if (status !== 0) {
    console.error(`npm ci failed with status ${status}:\n${output}`);
    return status;
  }
  if (!pinnedNodeWorks(root)) {
    console.error(`npm ci succeeded but did not create ${pinnedNode(root)}.
Allow install scripts (npm config set ignore-scripts false): the package "node" needs its own.`);
    return 1;
  }
  writeFileSync(marker, key);
  console.log(`Installed npm dependencies in ${seconds(start)}`);
  return 0;
}

/** @param {string} root */
export function pinnedNode(root) {
  return join(root, 'node_modules', '.bin', 'node');
}

/** @param {string} root */
function pinnedNodeWorks(root) {
  return existsSync(pinnedNode(root)) && existsSync(join(root, 'node_modules', '.bin', 'turbo'));
}

/**
 * Returns true when an `npm install` by the user has installed the content of the lock file: npm finally lists the
 * installed packages in node_modules/.package-lock.json.
 *
 * @param {string} root
 */
function installedByUser(root) {
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  const wanted = packagesOf(join(root, 'package-lock.json'));
  if (!installed || !wanted) {
    return false;
  }
  const same = (/** @type {string} */ path) =>
    installed[path] !== undefined &&
    installed[path].version === wanted[path]?.version &&
    installed[path].integrity === wanted[path]?.integrity;
  return (
    Object.keys(installed).every(same) &&
    Object.keys(wanted).every(
      (path) => !path.includes('node_modules/') || wanted[path].optional || wanted[path].peer || same(path),
    )
  );
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, integrity?: string, optional?: boolean, peer?: boolean }> | undefined}
 */
function packagesOf(file) {
  const text = readIfExists(file);
  return text === undefined ? undefined : JSON.parse(text).packages;
}

/** @param {string} file */
function readIfExists(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/**
 * Returns the npm that runs this process, so that the user's choice of npm installs the dependencies.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function npm(env) {
  return env.npm_execpath ? [process.execPath, env.npm_execpath] : ['npm'];
}
