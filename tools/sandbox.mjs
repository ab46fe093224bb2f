// Runs a command in new network, mount, PID, IPC and UTS namespaces, for an unprivileged user also in a new user
// namespace. Its changes to links, routes, rules and /etc/cni do not affect the machine, and all processes that it has
// started end with it.
//
//   node tools/sandbox.mjs COMMAND [ARGUMENT...]

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { exitStatus, withPath } from './process.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const INIT = fileURLToPath(new URL('./sandbox-init.mjs', import.meta.url));
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
const NAMESPACES = ['--net', '--mount', '--pid', '--ipc', '--uts'];
const UNSHARE_OPTIONS = ['--fork', '--kill-child', '--mount-proc', '--propagation', 'private'];
const AS_ROOT = ['unshare', ...NAMESPACES, ...UNSHARE_OPTIONS, '--'];
// Create the user namespace first: its root owns the files of a network namespace (/proc/net/ip_tables_names, which
// legacy iptables reads) only if it existed before the network namespace.
const AS_USER = ['unshare', '--user', '--map-root-user', '--', ...AS_ROOT];

/**
 * The init process of a sandbox. It reaps orphans, as a container runtime does for its plugins, so that process ids do
 * not run out. Node only waits for its own children.
 */
const REAPER = [
  'perl',
  '-e',
  `my $init = fork() // die "fork: $!\\n";
  if (!$init) { exec @ARGV or exit 127 }
  while ((my $ended = waitpid(-1, 0)) > 0) { exit($? & 127 ? 128 + ($? & 127) : $? >> 8) if $ended == $init }`,
  '--',
];

/**
 * @typedef {object} SandboxOptions
 * @property {NodeJS.ProcessEnv} [env]
 * @property {boolean} [hold] keeps the sandbox running, in a separate session, after its command has written to file
 *   descriptor 3; the output until then is passed on
 */

/**
 * Runs a command in a sandbox.
 *
 * @param {readonly string[]} argv
 * @param {SandboxOptions} [options]
 * @returns {Promise<{ status: number, heldBy?: number }>} its exit status; for a running
 *   held sandbox also the process to end with SIGKILL
 */
export async function sandbox(argv, { env = process.env, hold = false } = {}) {
  const environment = withPath([dirname(process.execPath)], env);
  const unshare = unshareCommand(environment);
  if (typeof unshare === 'string') {
    console.error(unshare);
    return { status: 1 };
  }
  const userNamespace = unshare === AS_USER;
  const keep = [ROOT, homedir(), dirname(realpathSync(process.execPath))].filter((dir) => existsSync(dir));
  const init = JSON.stringify({ argv, keep, userNamespace, hold });
  const [command, ...flags] = unshare;
  const reaper = spawnSync('perl', ['-e', '1'], { env: environment }).status === 0 ? REAPER : [];
  const child = spawn(command, [...flags, ...reaper, process.execPath, INIT, init], {
    env: environment,
    detached: hold,
    stdio: hold ? ['ignore', 'pipe', 'pipe', 'pipe'] : ['inherit', 'inherit', 'inherit', 'pipe'],
  });
  const line = /** @type {import('node:net').Socket} */ (child.stdio[3]);
  line.on('error', () => undefined);
  child.stdout?.pipe(process.stdout, { end: false });
  child.stderr?.pipe(process.stderr, { end: false });
  const forward = SIGNALS.map((signal) => {
    const listener = () => void line.write(`${signal}\n`);
    process.on(signal, listener);
    return { signal, listener };
  });
  const result = await new Promise((resolve) => {
    child.once('error', (error) => {
      console.error(`Cannot run unshare: ${error.message}`);
      resolve({ status: 127 });
    });
    child.once(hold ? 'close' : 'exit', (code, signal) => resolve({ status: exitStatus(code, signal) }));
    if (hold) {
      line.once('data', () => resolve({ status: 0, heldBy: child.pid }));
    }
  });
  for (const { signal, listener } of forward) {
    process.off(signal, listener);
  }
  if (result.heldBy) {
    await detach(child);
  }
  return result;
}

/**
 * Detaches from a held sandbox after its output has been passed on. The output is in the pipes already, so it is complete
 * when a turn of the event loop reads nothing more.
 *
 * @param {import('node:child_process').ChildProcess} child
 */
async function detach(child) {
  let quiet = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', () => (quiet = false));
  }
  while (!quiet) {
    quiet = true;
    await setImmediate();
  }
  for (const stream of child.stdio) {
    stream?.destroy();
  }
  child.unref();
}

/**
 * Returns an unshare command that works on this machine, or the reason why none does.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string[] | string}
 */
function unshareCommand(env) {
  let trouble = '';
  for (const argv of process.getuid?.() === 0 ? [AS_ROOT, AS_USER] : [AS_USER]) {
    const [command, ...flags] = argv;
    const probe = spawnSync(command, [...flags, 'true'], { env, encoding: 'utf8' });
    if (probe.status === 0) {
      return argv;
    }
    trouble = probe.error?.message ?? probe.stderr.trim();
  }
  return `Cannot create a sandbox: ${trouble}\n${advice()}`;
}

function advice() {
  const setting = (/** @type {string} */ name) => {
    const file = join('/proc/sys', name.replaceAll('.', '/'));
    return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
  };
  const change = (/** @type {string} */ name, /** @type {string} */ value) =>
    `This machine forbids user namespaces for unprivileged users (${name} = ${setting(name)}).
Run as root, or allow them: sudo sysctl -w ${name}=${value}`;
  if (process.getuid?.() !== 0) {
    if (setting('kernel.unprivileged_userns_clone') === '0') {
      return change('kernel.unprivileged_userns_clone', '1');
    }
    if (setting('kernel.apparmor_restrict_unprivileged_userns') === '1') {
      return change('kernel.apparmor_restrict_unprivileged_userns', '0');
    }
  }
  if (setting('user.max_user_namespaces') === '0') {
    return change('user.max_user_namespaces', '10000');
  }
  return `It needs network, mount and PID namespaces, and permission to mount /proc.
In a container run it with --privileged, elsewhere run it as root.`;
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  if (process.argv.length < 3) {
    console.error('Usage: node tools/sandbox.mjs COMMAND [ARGUMENT...]');
    process.exit(2);
  }
  process.exit((await sandbox(process.argv.slice(2))).status);
}
