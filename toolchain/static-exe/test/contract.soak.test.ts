import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildStaticExecutable, type StaticExecutableOptions } from '@cnikit/static-exe';
import { afterAll, describe, expect, test } from 'vitest';
import { cases, liveCases } from '../../../packages/sys/test/contract.ts';
import { SOAK } from '../../../vitest.soak.ts';

const folder = mkdtempSync(join(tmpdir(), 'contract-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Returns the error of each case, or undefined, as printed by the executable. */
async function results(
  name: string,
  options: Partial<StaticExecutableOptions>,
  args: string[],
  runner: string[] = [],
): Promise<Map<string, string | undefined>> {
  const entry = join(import.meta.dirname, 'contract-entry.ts');
  const { path } = await buildStaticExecutable({ entry, outfile: join(folder, name), ...options });
  const [command, ...rest] = [...runner, path, ...args];
  const out = execFileSync(command!, rest, { encoding: 'utf8', maxBuffer: 1 << 24 });
  return new Map(
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
      .map(({ name, error }) => [name, error]),
  );
}

function has(command: string): boolean {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const live = process.env.CNIKIT_SANDBOX === '1';
const base = live ? '/run' : folder;

describe('Sys under QuickJS', async () => {
  const errors = await results('contract', {}, live ? [base, 'live'] : [base]);

  test.each(cases)('$name', ({ name }) => {
    expect(errors.has(name)).toBe(true);
    expect(errors.get(name)).toBeUndefined();
  });

  describe.skipIf(!live)('in namespaces (needs the sandbox: run npm test at the root)', () => {
    test.each(liveCases)('$name', ({ name }) => {
      expect(errors.has(name)).toBe(true);
      expect(errors.get(name)).toBeUndefined();
    });
  });
});

describe.runIf(SOAK)('the C core under sanitizers', () => {
  test('has no finding in any case of the contract', async () => {
    const errors = await results('sanitized', { sanitize: true }, live ? [base, 'live'] : [base]);
    expect([...errors.values()].filter(Boolean)).toEqual([]);
    expect(errors.size).toBe(cases.length + (live ? liveCases.length : 0));
  });
});

/** The soak tests and builds for arm64, as in CI, compile the engine for it, which takes longest of all here. */
const wanted = SOAK || process.env.CNIKIT_ARCHES?.split(',').includes('arm64');
const missing = [
  process.arch === 'x64' ? '' : 'an x64 machine',
  wanted ? '' : 'CNIKIT_ARCHES=x64,arm64',
  has('aarch64-linux-gnu-gcc') ? '' : 'gcc-aarch64-linux-gnu and libc6-dev-arm64-cross',
  has('qemu-aarch64') ? '' : 'qemu-user',
].filter(Boolean);

describe.skipIf(missing.length > 0)(
  `Sys under QuickJS on arm64${missing.length > 0 ? ` (needs ${missing.join(', ')})` : ''}`,
  () => {
    // The emulator implements netlink socket options itself, with other errors than the kernel, and lacks ethtool.
    const emulated = [
      'openNetlink() opens bound sockets that explain refusals and, except of netfilter, check dumps',
      'setsockopt() and getsockopt() set and return integers',
      'ifreq() and driver() describe an interface on a socket of any family',
    ];

    test('does what the contract says', async () => {
      const errors = await results('arm64', { arch: 'arm64' }, [folder], ['qemu-aarch64']);
      for (const name of emulated) {
        errors.delete(name);
      }
      expect([...errors.values()].filter(Boolean)).toEqual([]);
      expect(errors.size).toBe(cases.length - emulated.length);
    });
  },
);
