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

/** Returns the tree of one command's calls as text, without functions of less than `least` instructions. */
export async function callTree(row: Counted, least: number): Promise<string> {
  const scripts = join(DATA_DIR, 'scripts');
  const { path } = await buildStaticExecutable({
    entry: new URL('../../../packages/plugin/src/main.ts', import.meta.url).pathname,
    lazy: lazyScripts,
    prepare: true,
    outfile: join(DATA_DIR, 'profiled'),
    profile: scripts,
  });
  const symbols = symbolsOf(path);
  return inFolder((folder) => {
    const [trace, marks] = [join(folder, 'trace'), join(folder, 'marks')];
    inNetwork(row, path, (run) => {
      const descriptor = openSync(marks, 'w');
      run(['valgrind', ...LACKEY, `--log-file=${trace}`], descriptor);
      closeSync(descriptor);
      return 0;
    });
    const events = readFileSync(marks, 'utf8').trimEnd().split('\n');
    const root = treeOf(events, instructionsAtMarks(trace, symbols), namesOf(scripts, symbols));
    return linesOf(root, least).join('\n');
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

/** Returns how many instructions precede each mark, without those of marks, and at last the number of all. */
function instructionsAtMarks(trace: string, symbols: ReadonlyMap<string, string>): number[] {
  const at: number[] = [];
  let count = 0;
  let inMark = false;
  // A line is "I  0040a320,5" for an instruction; others are loads and stores.
  for (const [, address = ''] of readFileSync(trace, 'latin1').matchAll(/^I +0*([0-9a-f]+),/gm)) {
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
