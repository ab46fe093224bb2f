import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One run of a program. */
export interface Run {
  /** Label of the run in the results, such as `ADD cnikit`. */
  label: string;
  program: string;
  env: Record<string, string>;
  /** A JSON object for its standard input. */
  input: object;
  /** Key to store the output under, for `prevResult` of later runs. */
  output?: string;
  /** Key of the output to insert into the input as `prevResult`. */
  prevResult?: string;
  /** Adjacent runs with the same group run concurrently. */
  group?: string;
}

/** Time and memory of a run. */
export interface Timing {
  label: string;
  wallMs: number;
  cpuMs: number;
  /** Largest resident set, in KiB. */
  maxRssKiB: number;
  minorFaults: number;
  /** Milliseconds from the first start of the group to its last exit. */
  groupMs: number;
}

/**
 * Runs programs in order and times each from fork to exit.
 *
 * @throws {Error} when a program fails, with its output
 */
export function timeRuns(runs: readonly Run[]): Timing[] {
  const folder = mkdtempSync('/run/cnikit-bench-');
  const once = fileOnce(folder);
  const outputOf = (run: Run, i: number) => join(folder, `out-${run.output ?? i}`);
  try {
    const lines = runs.map((run, i) =>
      [
        run.group ?? '-',
        run.program,
        once(JSON.stringify(run.input).slice(0, -1)),
        run.prevResult === undefined ? '' : join(folder, `out-${run.prevResult}`),
        once(
          Object.entries(run.env)
            .map(([key, value]) => `${key}=${value}\0`)
            .join(''),
        ),
        outputOf(run, i),
      ].join('\t'),
    );
    const done = spawnSync(compiled('exec-timer'), {
      input: `${lines.join('\n')}\n`,
      encoding: 'utf8',
      maxBuffer: 64 << 20,
    });
    if (done.status !== 0) {
      throw new Error(`The timer failed: ${done.error?.message ?? done.stderr}`);
    }
    return done.stdout
      .trim()
      .split('\n')
      .map((line, i) => {
        const [status = 1, wallNs = 0, cpuUs = 0, maxRssKiB = 0, minorFaults = 0, groupNs = 0] = line
          .split(' ')
          .map(Number);
        const run = runs[i] as Run;
        if (status !== 0) {
          const printed = readFileSync(outputOf(run, i), 'utf8') || done.stderr;
          throw new Error(`${run.label} exited with status ${status}: ${printed}`);
        }
        return {
          label: run.label,
          wallMs: wallNs / 1e6,
          cpuMs: cpuUs / 1e3,
          maxRssKiB,
          minorFaults,
          groupMs: groupNs / 1e6,
        };
      });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Returns a file with the text, the same file for the same text. */
function fileOnce(folder: string): (text: string) => string {
  const paths = new Map<string, string>();
  return (text) => {
    let path = paths.get(text);
    if (path === undefined) {
      path = join(folder, `file${paths.size}`);
      writeFileSync(path, text);
      paths.set(text, path);
    }
    return path;
  };
}

/** Returns the program of a file in bench/native that makes a plugin's system calls: static like the plugin, without a loader. */
export function compiledFloor(name: string): string {
  const folders = [
    '/usr/include',
    `/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
  ];
  return compiled(name, 'musl-gcc', ['-static', ...folders.flatMap((folder) => ['-idirafter', folder])]);
}

/** Returns the program compiled from a C file in bench/native. */
export function compiled(name: string, compiler = 'cc', flags: readonly string[] = []): string {
  const folder = join(import.meta.dirname, '../../build');
  const program = join(folder, name);
  mkdirSync(folder, { recursive: true });
  const source = join(import.meta.dirname, `../../native/${name}.c`);
  execFileSync(compiler, ['-O2', '-Wall', ...flags, '-o', program, source]);
  return program;
}
