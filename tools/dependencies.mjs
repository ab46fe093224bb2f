// The npm dependencies: there, whole, and those of the lock file; installed again when they are not.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { capture, seconds } from './process.mjs';

/**
 * Makes node_modules what package-lock.json says. An install that was interrupted is found and repaired, because
 * the marker is written last and names the lock file's content.
 *
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<number>} 0 when the dependencies are there
 */
export async function ensureDependencies(root, env) {
  const marker = join(root, 'node_modules', '.cnikit-installed');
  const key = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(`${process.platform}-${process.arch}`)
    .digest('hex');
  if (pinnedNodeWorks(root) && (readIfThere(marker) === key || installedByHand(root))) {
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
    console.error(`npm ci ended well but left no ${pinnedNode(root)}.
Are install scripts forbidden (npm config get ignore-scripts)? The package "node" needs its own.`);
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
 * True when somebody's own `npm install` has just made what the lock file says: npm notes what it installed, when
 * it is done, in node_modules/.package-lock.json.
 *
 * @param {string} root
 */
function installedByHand(root) {
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  const wanted = packagesOf(join(root, 'package-lock.json'));
  if (!installed || !wanted) {
    return false;
  }
  const same = (/** @type {string} */ path) =>
    installed[path]?.version === wanted[path]?.version &&
    installed[path]?.integrity === wanted[path]?.integrity;
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
  const text = readIfThere(file);
  return text === undefined ? undefined : JSON.parse(text).packages;
}

/** @param {string} file */
function readIfThere(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/**
 * The npm that runs us, so that a clone is installed by the npm its user chose.
 *
 * @param {NodeJS.ProcessEnv} env
 */
export function npm(env) {
  return env.npm_execpath ? [process.execPath, env.npm_execpath] : ['npm'];
}
