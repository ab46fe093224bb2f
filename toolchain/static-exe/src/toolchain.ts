import { execFileSync } from 'node:child_process';

export type Arch = 'x64' | 'arm64';

/** Tools that build executables for an architecture. */
export interface Toolchain {
  arch: Arch;
  cc: string;
  /** Version of `cc`, as it prints it. */
  version: string;
  objcopy: string;
  /** Flags for compiling. */
  flags: string[];
  /** Command prefix to run the executables on this machine, or undefined if that is impossible. */
  runner: string[] | undefined;
}

const TRIPLET = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
const QEMU = { x64: 'qemu-x86_64', arm64: 'qemu-aarch64' };

/** Returns true if the command starts. */
function installed(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Returns true if the compiler finds libc's headers, which a cross compiler may lack. */
function compiles(cc: string): boolean {
  try {
    execFileSync(cc, ['-x', 'c', '-fsyntax-only', '-include', 'stdlib.h', '/dev/null'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Returns the tools for `arch`.
 *
 * @throws {Error} when a tool is missing, with the packages to install
 */
export function toolchain(arch: Arch): Toolchain {
  const native = arch === process.arch;
  const triplet = TRIPLET[arch];
  // musl gives the smallest and fastest executables. A cross compiler with a static glibc works too.
  const candidates = native ? ['musl-gcc', `${triplet}-gcc`, 'gcc'] : [`${triplet}-gcc`];
  const cc = candidates.find(compiles);
  if (!cc) {
    const cross = { x64: 'amd64', arm64: 'arm64' }[arch];
    const wanted = native ? 'musl-tools gcc' : `gcc-${triplet.replace('_', '-')} libc6-dev-${cross}-cross`;
    throw new Error(
      `No working compiler for ${arch} (${candidates.join(', ')}). On Debian or Ubuntu: apt install ${wanted}`,
    );
  }
  const objcopy = native ? 'objcopy' : `${triplet}-objcopy`;
  const runner = native ? [] : [QEMU[arch], `${QEMU[arch]}-static`].filter(installed).slice(0, 1);
  return {
    arch,
    cc,
    version: versionOf(cc),
    objcopy,
    // musl-gcc hides the kernel's headers (linux/*.h). Add them after musl's own.
    flags: cc === 'musl-gcc' ? ['-idirafter', '/usr/include', '-idirafter', `/usr/include/${triplet}`] : [],
    runner: native || runner.length > 0 ? runner : undefined,
  };
}

/** Returns the tools of sanitized builds: gcc and the machine's libc, because musl has no sanitizers. */
export function sanitizingToolchain(): Toolchain {
  if (!compiles('gcc')) {
    throw new Error('A sanitized build needs gcc. On Debian or Ubuntu: apt install gcc');
  }
  return {
    arch: process.arch as Arch,
    cc: 'gcc',
    version: versionOf('gcc'),
    objcopy: 'objcopy',
    flags: [],
    runner: [],
  };
}

function versionOf(cc: string): string {
  return execFileSync(cc, ['--version'], { encoding: 'utf8' });
}
