/** Instructions by function of the script, from an executable that marks its calls (toolchain/static-exe/host/profile.c). */
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildStaticExecutable } from '@cnikit/static-exe';
import { lazyScripts } from '../../../packages/plugin/scripts/lazy-scripts.ts';
import { type Counted, inFolder, inNetwork } from './counts.ts';
import { DATA_DIR } from './node.ts';

/** A function, as called from one place of the tree. */
interface Call {
  name: string;
  calls: number;
  /** Instructions, with those of called functions. */
  total: number;
  children: Map<string, Call>;
}

/** Folder for the scripts of the executable. */
const SCRIPTS = join(DATA_DIR, 'scripts');

/** Returns the tree of one command's calls as text, without functions of less than `least` instructions. */
export async function callTree(row: Counted, least: number): Promise<string> {
  const path = await buildMarked();
  const symbols = symbolsOf(path);
  return traced(row, path, (trace, marks) => {
    const events = readFileSync(marks, 'utf8').trimEnd().split('\n');
    const root = treeOf(events, instructionsAtMarks(trace, symbols), namesOf(SCRIPTS, symbols));
    return linesOf(root, least).join('\n');
  });
}

/** Returns the names of the C functions that the commands execute, in the order of their first instructions. */
export async function executedFunctions(rows: readonly Counted[]): Promise<string[]> {
  const path = await buildMarked();
  const starts = [...symbolsOf(path)]
    .map(([address, name]) => ({ at: Number.parseInt(address, 16), name }))
    .sort((a, b) => a.at - b.at);
  const found = new Set<string>();
  for (const row of rows) {
    traced(row, path, (trace) => {
      for (const address of new Set(instructionsOf(trace))) {
        const at = Number.parseInt(address, 16);
        const next = starts.findIndex((start) => start.at > at);
        found.add(starts.at(next - 1)?.name ?? '');
      }
    });
  }
  return [...found].filter((name) => name !== '' && !name.startsWith('cnk_mark'));
}

/** Builds the plugin with marks and symbols. */
async function buildMarked(): Promise<string> {
  const { path } = await buildStaticExecutable({
    entry: new URL('../../../packages/plugin/src/main.ts', import.meta.url).pathname,
    lazy: lazyScripts,
    prepare: true,
    outfile: join(DATA_DIR, 'profiled'),
    profile: SCRIPTS,
  });
  return path;
}

/** Runs the command, and calls `body` with the files of its instructions and of its marks. */
function traced<T>(row: Counted, program: string, body: (trace: string, marks: string) => T): T {
  return inFolder((folder) => {
    const [trace, marks] = [join(folder, 'trace'), join(folder, 'marks')];
    inNetwork(row, program, (run) => {
      const descriptor = openSync(marks, 'w');
      run(['valgrind', ...LACKEY, `--log-file=${trace}`], descriptor);
      closeSync(descriptor);
      return 0;
    });
    return body(trace, marks);
  });
}

const LACKEY = ['--tool=lackey', '--trace-mem=yes', '--child-silent-after-fork=yes'];

/** Returns the names of functions in C by address, in hexadecimal digits. */
function symbolsOf(executable: string): Map<string, string> {
  const text = execFileSync('nm', [executable], { encoding: 'utf8' });
  return new Map(
    text.split('\n').map((line) => {
      const [address = '', , name = ''] = line.split(' ');
      return [address.replace(/^0+/, ''), name];
    }),
  );
}

/** Yields the addresses of all instructions, in hexadecimal digits. */
function* instructionsOf(trace: string): Generator<string> {
  // A line is "I  0040a320,5" for an instruction; others are loads and stores.
  for (const [, address = ''] of readFileSync(trace, 'latin1').matchAll(/^I +0*([0-9a-f]+),/gm)) {
    yield address;
  }
}

/** Returns how many instructions precede each mark, without those of marks, and at last the number of all. */
function instructionsAtMarks(trace: string, symbols: ReadonlyMap<string, string>): number[] {
  const at: number[] = [];
  let count = 0;
  let inMark = false;
  for (const address of instructionsOf(trace)) {
    const name = symbols.get(address);
    if (name === 'cnk_mark_begin') {
      at.push(count);
      inMark = true;
    } else if (name === 'cnk_mark_end') {
      inMark = false;
    } else if (!inMark) {
      count++;
    }
  }
  return [...at, count];
}

/** Returns a function for the name of a call. The lines are those of the entry, which contains nearly all functions. */
function namesOf(scripts: string, symbols: ReadonlyMap<string, string>): (mark: string) => string {
  const text = readFileSync(join(scripts, 'entry.js'), 'utf8').split('\n');
  return (mark) => {
    const [kind, where = '', magic = ''] = mark.split(' ');
    return kind === 'C'
      ? `[${symbols.get(where) ?? where}:${magic}]`
      : `${where} ${text[Number(where) - 1]?.trim().slice(0, 70) ?? ''}`;
  };
}

function treeOf(marks: readonly string[], at: readonly number[], nameOf: (mark: string) => string): Call {
  const root: Call = { name: 'all', calls: 1, total: at.at(-1) ?? 0, children: new Map() };
  const open: { call: Call; since: number }[] = [{ call: root, since: 0 }];
  const end = (now: number) => {
    const { call, since } = open.pop() as { call: Call; since: number };
    call.total += now - since;
  };
  for (const [i, mark] of marks.entries()) {
    const now = at[i] ?? 0;
    if (mark === 'R') {
      end(now);
      continue;
    }
    const { children } = (open.at(-1) as { call: Call }).call;
    const name = nameOf(mark);
    const call = children.get(name) ?? { name, calls: 0, total: 0, children: new Map() };
    children.set(name, call);
    call.calls++;
    open.push({ call, since: now });
  }
  // The program exits inside calls.
  while (open.length > 1) {
    end(at.at(-1) ?? 0);
  }
  return root;
}

function linesOf({ name, calls, total, children }: Call, least: number, indent = ''): string[] {
  const below = [...children.values()].sort((a, b) => b.total - a.total);
  const self = below.reduce((rest, child) => rest - child.total, total);
  return [
    `${indent}${total} self ${self} x${calls} ${name}`,
    ...below.filter((child) => child.total >= least).flatMap((child) => linesOf(child, least, `${indent}  `)),
  ];
}
