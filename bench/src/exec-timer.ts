import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One run of a program. */
export interface Run {
  /** What the run is counted under, such as `ADD cnikit`. */
  label: string;
  program: string;
  env: Record<string, string>;
  input: string;
}

/** What one run took. */
export interface Timing {
  label: string;
  wallMs: number;
  cpuMs: number;
  /** Largest resident set, in KiB. */
  maxRssKiB: number;
}

/**
 * Runs programs one after the other and times each from fork to exit.
 *
 * @throws when one of them fails, with what it printed
 */
export function timeRuns(runs: readonly Run[]): Timing[] {
  const folder = mkdtempSync('/run/cnikit-bench-');
  try {
    const lines = runs.map(({ program, env, input }, i) => {
      writeFileSync(join(folder, `in${i}`), input);
      writeFileSync(
        join(folder, `env${i}`),
        Object.entries(env)
          .map(([key, value]) => `${key}=${value}\0`)
          .join(''),
      );
      return [program, join(folder, `in${i}`), join(folder, `env${i}`), join(folder, `out${i}`)].join('\t');
    });
    const done = spawnSync(timer(), {
      input: `${lines.join('\n')}\n`,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    });
    if (done.status !== 0) throw new Error(`The timer failed: ${done.error?.message ?? done.stderr}`);
    return done.stdout
      .trim()
      .split('\n')
      .map((line, i) => {
        const [status, wallNs, cpuUs, maxRssKiB] = line.split(' ').map(Number) as [
          number,
          number,
          number,
          number,
        ];
        const { label } = runs[i] as Run;
        if (status !== 0) {
          throw new Error(`${label} exited ${status}: ${readFileSync(join(folder, `out${i}`), 'utf8')}`);
        }
        return { label, wallMs: wallNs / 1e6, cpuMs: cpuUs / 1e3, maxRssKiB };
      });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

let built: string | undefined;

function timer(): string {
  if (built === undefined) {
    const folder = join(import.meta.dirname, '../build');
    mkdirSync(folder, { recursive: true });
    built = join(folder, 'exec-timer');
    execFileSync('cc', ['-O2', '-Wall', '-o', built, join(import.meta.dirname, '../native/exec-timer.c')]);
  }
  return built;
}
