import { execFileSync } from 'node:child_process';

export type Arch = 'x64' | 'arm64';

/** The tools that make executables for one architecture. */
export interface Toolchain {
  arch: Arch;
  cc: string;
  objcopy: string;
  /** Flags for compiling. */
  flags: string[];
  /** How to run what it makes on this machine: a command in front, or undefined when it cannot. */
  runner: string[] | undefined;
}

const TRIPLET = { x64: 'x86_64-linux-gnu', arm64: 'aarch64-linux-gnu' };
const QEMU = { x64: 'qemu-x86_64', arm64: 'qemu-aarch64' };

/** True when the command runs at all. */
function installed(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** True when it compiles against libc's headers: a cross compiler may come without. */
function compiles(cc: string): boolean {
  try {
    execFileSync(cc, ['-x', 'c', '-fsyntax-only', '-include', 'stdlib.h', '/dev/null'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The tools for `arch`, or an error that says what to install. */
export function toolchain(arch: Arch): Toolchain {
  const native = arch === process.arch;
  const triplet = TRIPLET[arch];
  // musl makes the smallest and quickest start; a cross compiler with a static glibc does as well.
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
    objcopy,
    // musl-gcc hides the kernel's headers (linux/*.h); after musl's own they do no harm.
    flags: cc === 'musl-gcc' ? ['-idirafter', '/usr/include', '-idirafter', `/usr/include/${triplet}`] : [],
    runner: native || runner.length > 0 ? runner : undefined,
  };
}

/** For sanitized builds: gcc and the machine's own libc, since musl has no sanitizers. */
export function sanitizingToolchain(): Toolchain {
  if (!compiles('gcc')) {
    throw new Error('A sanitized build needs gcc. On Debian or Ubuntu: apt install gcc');
  }
  return { arch: process.arch as Arch, cc: 'gcc', objcopy: 'objcopy', flags: [], runner: [] };
}
