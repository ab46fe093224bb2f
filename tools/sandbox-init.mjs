// The first program in a sandbox, started by sandbox.mjs: prepares the file system, runs the command, and ends all
// processes when the command exits. File descriptor 3 connects it to sandbox.mjs: it receives signal names, and its end
// means that sandbox.mjs has died.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { exitStatus } from './process.mjs';

/** Directories of container runtimes and plugins. The sandbox must neither see nor change those of the machine. */
const HIDDEN = ['/etc/cni', '/opt/cni', '/var/lib/cni'];
const SCRATCH = '/run/cnikit-sandbox';

const { argv, keep, userNamespace, hold } = JSON.parse(process.argv[2] ?? '');

prepare();
start();

function prepare() {
  must('mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run');
  // A new sysfs shows the devices of this network namespace. Some containers forbid the mount; little depends on it.
  attempt('mount', '-t', 'sysfs', 'sysfs', '/sys');
  must('ip', 'link', 'set', 'lo', 'up');
  for (const path of HIDDEN) {
    hide(path);
  }
}

/**
 * Mounts an empty directory at the path. If the path does not exist, it mounts an overlay with that directory over the
 * parent, because the machine's own file system must not change.
 *
 * @param {string} path
 */
function hide(path) {
  if (!existsSync(path)) {
    const parent = dirname(path);
    const scratch = join(SCRATCH, parent);
    const inside = (/** @type {string} */ dir) => dir === parent || dir.startsWith(`${parent}/`);
    const kept = keep.filter(inside);
    for (const [i, dir] of kept.entries()) {
      mkdirSync(join(scratch, `keep${i}`), { recursive: true });
      must('mount', '--rbind', dir, join(scratch, `keep${i}`));
    }
    const upper = join(scratch, 'upper');
    mkdirSync(join(upper, path.slice(parent.length)), { recursive: true });
    mkdirSync(join(scratch, 'work'));
    const data = `lowerdir=${parent},upperdir=${upper},workdir=${join(scratch, 'work')}`;
    must('mount', '-t', 'overlay', '-o', userNamespace ? `${data},userxattr` : data, 'overlay', parent);
    for (const [i, dir] of kept.entries()) {
      must('mount', '--rbind', join(scratch, `keep${i}`), dir);
    }
  }
  must('mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', path);
}

function start() {
  const line = new Socket({ fd: 3 });
  line.on('error', () => undefined);
  const child = spawn(argv[0], argv.slice(1), {
    stdio: ['inherit', 'inherit', 'inherit', hold ? 'pipe' : 'ignore'],
    env: { ...process.env, CNIKIT_SANDBOX: '1' },
  });
  child.once('error', (error) => fail(`Cannot run ${argv[0]}: ${error.message}`, 127));
  child.once('exit', (code, signal) => process.exit(exitStatus(code, signal)));
  // The command of a held sandbox reports when sandbox.mjs may exit. From then on only SIGKILL ends the sandbox.
  let held = false;
  const message = /** @type {import('node:stream').Readable | null} */ (child.stdio[3]);
  message?.on('data', (text) => {
    held = true;
    line.write(text);
  });

  createInterface({ input: line }).on('line', (name) => {
    const signal = /** @type {NodeJS.Signals} */ (name);
    child.kill(signal);
    setTimeout(() => process.exit(exitStatus(null, signal)), 15_000).unref();
  });
  line.once('close', () => held || process.exit(1));
  // A terminal sends Ctrl-C to every process. The command handles its own, and this program exits after it.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.on(signal, () => undefined);
  }
}

/** @param {string[]} command */
function attempt(...command) {
  const result = spawnSync(command[0], command.slice(1), { encoding: 'utf8' });
  return result.status === 0
    ? undefined
    : (result.stderr || result.error?.message || `status ${result.status}`).trim();
}

/** @param {string[]} command */
function must(...command) {
  const trouble = attempt(...command);
  if (trouble !== undefined) {
    fail(`Cannot prepare the sandbox: ${command.join(' ')}: ${trouble}`, 1);
  }
}

/**
 * @param {string} message
 * @param {number} status
 * @returns {never}
 */
function fail(message, status) {
  console.error(message);
  process.exit(status);
}
