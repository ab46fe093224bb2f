// Runs a command as root on the kernel of a Debian release: for features that this machine's kernel lacks (bridge VLANs,
// dummy, vrf, ipvlan, wireguard, ip_vs) and for the behaviour of older kernels.
//
//   node tools/kernels/other-kernel.mjs [--suite=bookworm] [--deadline=600] COMMAND [ARGUMENT...]
//
// QEMU emulates the machine without /dev/kvm and without root. The machine has this machine's files under an in-memory
// overlay, the repository writable, an empty /tmp and /run, only the network interface lo, and no standard input. The
// command gets this environment and CNIKIT_FULL_KERNEL=1, which makes tests fail on a missing feature. Computation takes
// several times as long as outside, a system call not much longer.
//
//   cd packages/plugin
//   node ../../tools/kernels/other-kernel.mjs node ../../tools/sandbox.mjs vitest run test/vlan.live.test.ts
//
// Exits with the status of the command, with 77 and a reason when this machine cannot fetch or emulate the kernel, and
// with 1 when the kernel's packages cannot be used or the command did not finish. Kernels are Debian packages, cached in .cache/kernels.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { exitStatus, withPath } from '../process.mjs';
import { ensureSystemPackages } from '../system-packages.mjs';
import { debianKernel, MachineUnfit } from './debian-kernel.mjs';

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const SKIPPED = 77;
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);

/**
 * @typedef {object} OtherKernelOptions
 * @property {string} [suite] Debian release
 * @property {number} [deadline] seconds
 * @property {string} [cwd]
 * @property {NodeJS.ProcessEnv} [env]
 * @property {readonly string[]} [without] modules that the kernel refuses to load
 */

/** Status of {@link otherKernel} when the machine stopped by itself, for example in a kernel panic. */
export const STOPPED = 70;

/**
 * Runs a command on another kernel and prints its output.
 *
 * @param {readonly string[]} argv
 * @param {OtherKernelOptions} [options]
 * @returns {Promise<number>} its exit status, or 77 or 1 as described at the top of this file
 */
export async function otherKernel(
  argv,
  { suite = 'bookworm', deadline = 600, cwd, env = process.env, without = [] } = {},
) {
  const environment = withPath([dirname(process.execPath)], env);
  let kernel;
  try {
    kernel = await prepared(suite, environment);
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    if (error instanceof MachineUnfit) {
      console.log(`Skipped on the kernel of ${suite}: ${message}`);
      return SKIPPED;
    }
    console.error(`Cannot prepare the kernel of ${suite}: ${message}`);
    return 1;
  }
  const jobs = join(ROOT, '.cache', 'kernels', 'jobs');
  mkdirSync(jobs, { recursive: true });
  const job = mkdtempSync(join(jobs, 'job-'));
  // A socket path has at most 107 bytes.
  const sockets = mkdtempSync(join(tmpdir(), 'cnikit-kernel-'));
  try {
    writeFileSync(join(job, 'deadline'), String(deadline));
    writeFileSync(join(job, 'command.sh'), script(argv, cwd ?? process.cwd(), environment));
    return await boot(kernel, job, sockets, deadline, without);
  } finally {
    for (const directory of [job, sockets]) {
      rmSync(directory, { recursive: true, force: true });
    }
  }
}

/**
 * @param {string} suite
 * @param {NodeJS.ProcessEnv} env
 */
async function prepared(suite, env) {
  if (process.arch !== 'x64') {
    throw new MachineUnfit(`only x64 is supported, not ${process.arch}`);
  }
  if ((await ensureSystemPackages(['sandbox', 'kernel'], env)) !== 0) {
    throw new MachineUnfit('system packages are missing');
  }
  return debianKernel(suite, env);
}

/**
 * Returns a script that sets the environment and runs the command.
 *
 * @param {readonly string[]} argv
 * @param {string} cwd
 * @param {NodeJS.ProcessEnv} env
 */
function script(argv, cwd, env) {
  const quote = (/** @type {string} */ word) => `'${word.replaceAll("'", "'\\''")}'`;
  const variables = Object.entries({ ...env, CNIKIT_FULL_KERNEL: '1' })
    .filter(([name]) => /^[A-Za-z_]\w*$/.test(name))
    .map(([name, value]) => `export ${name}=${quote(value ?? '')}\n`);
  return `${variables.join('')}cd ${quote(cwd)} && exec ${argv.map(quote).join(' ')}\n`;
}

/**
 * @param {import('./debian-kernel.mjs').Kernel} kernel
 * @param {string} job
 * @param {string} sockets
 * @param {number} deadline
 * @param {readonly string[]} without
 * @returns {Promise<number>}
 */
async function boot(kernel, job, sockets, deadline, without) {
  const console_ = join(job, 'console');
  let status = '';
  const ports = [
    await port(join(sockets, '1'), (bytes) => void process.stdout.write(bytes)),
    await port(join(sockets, '2'), (bytes) => void process.stderr.write(bytes)),
    await port(join(sockets, '3'), (bytes) => {
      status += bytes;
    }),
  ];
  const child = spawn('qemu-system-x86_64', qemuArguments(kernel, job, console_, ports, without), {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  let ended = '';
  const end = (/** @type {string} */ why) => {
    ended ||= why;
    child.kill('SIGKILL');
  };
  const timer = setTimeout(() => end(`the deadline of ${deadline} s passed`), deadline * 1000);
  const listeners = SIGNALS.map((signal) => /** @type {const} */ ([signal, () => end(signal)]));
  for (const [signal, listener] of listeners) {
    process.on(signal, listener);
  }
  const code = await new Promise((resolve) => {
    child.once('error', (error) => resolve(`cannot run: ${error.message}`));
    child.once('exit', (code, signal) => resolve(exitStatus(code, signal)));
  });
  clearTimeout(timer);
  for (const [signal, listener] of listeners) {
    process.off(signal, listener);
  }
  for (const one of ports) {
    await one.end();
  }
  if (/^\d+\n$/.test(status) && ended === '') {
    return Number(status);
  }
  console.error(
    `The machine on kernel ${kernel.release} stopped before the command finished: ${ended || `QEMU: ${code}`}`,
  );
  console.error(lastLines(console_, 30));
  return STOPPED;
}

/** @param {string} file @param {number} count */
function lastLines(file, count) {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
  } catch {
    return '(the console printed nothing)';
  }
}

/**
 * Opens a socket that the machine writes to.
 *
 * @param {string} path
 * @param {(bytes: Buffer) => void} onData
 * @returns {Promise<{ path: string, end: () => Promise<void> }>}
 */
function port(path, onData) {
  /** @type {Promise<void>[]} */
  const open = [];
  const server = createServer((socket) => {
    socket.on('data', onData);
    socket.on('error', () => undefined);
    open.push(new Promise((resolve) => void socket.once('close', () => resolve())));
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () =>
      resolve({
        path,
        end: async () => {
          server.close();
          await Promise.all(open);
        },
      }),
    );
  });
}

/**
 * @param {import('./debian-kernel.mjs').Kernel} kernel
 * @param {string} job
 * @param {string} console_
 * @param {readonly { path: string }[]} ports
 * @param {readonly string[]} without
 */
function qemuArguments(kernel, job, console_, ports, without) {
  const words = [
    'console=ttyS0 quiet panic=-1 mitigations=off no_timer_check',
    `repository=${ROOT} modules=${kernel.modules} job=${job}`,
    ...(without.length > 0 ? [`module_blacklist=${without.join(',')}`] : []),
  ];
  const share = (/** @type {string} */ tag, /** @type {string} */ path, /** @type {string} */ more) => [
    ...[
      '-fsdev',
      `local,id=${tag},path=${path.replaceAll(',', ',,')},security_model=none,multidevs=remap${more}`,
    ],
    ...['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ];
  return [
    // An old processor model: emulating the extensions of newer ones is slow.
    ...['-machine', 'q35', '-accel', 'tcg', '-cpu', 'Nehalem', '-smp', '2', '-m', '3072'],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', `file:${console_}`],
    ...['-kernel', kernel.image, '-initrd', kernel.initrd, '-append', words.join(' ')],
    ...share('host', '/', ',readonly=on'),
    ...share('repository', ROOT, ''),
    ...['-device', 'virtio-serial-pci'],
    ...ports.flatMap(({ path }, i) => [
      ...['-chardev', `socket,id=port${i + 1},path=${path}`],
      ...['-device', `virtserialport,chardev=port${i + 1},nr=${i + 1}`],
    ]),
  ];
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2));
}

/**
 * @param {string[]} args
 * @returns {Promise<number>}
 */
async function main(args) {
  const first = args.findIndex((word) => !word.startsWith('--'));
  /** @type {OtherKernelOptions} */
  let options = {};
  try {
    const { values } = parseArgs({
      args: args.slice(0, first === -1 ? undefined : first),
      options: { suite: { type: 'string' }, deadline: { type: 'string' } },
    });
    const deadline = Number(values.deadline ?? 600);
    if (!(deadline > 0)) {
      throw new Error(`Invalid --deadline "${values.deadline}": expected seconds`);
    }
    options = { ...values, deadline };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return 2;
  }
  if (first === -1) {
    console.error(
      'Usage: node tools/kernels/other-kernel.mjs [--suite=bookworm] [--deadline=600] COMMAND [ARGUMENT...]',
    );
    return 2;
  }
  return otherKernel(args.slice(first), options);
}
