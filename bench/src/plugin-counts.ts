/**
 * `npm run bench -- plugin-counts`: system calls and instructions in user space of an ADD, its DEL and VERSION. They do
 * not depend on the machine's load. Each network has another pod. Needs strace and valgrind.
 *
 * `--functions=ROW` prints instead which functions of the script execute one row's instructions: a tree of calls, each
 * with the instructions of the function and all that it calls, those of itself (`self`), and the number of calls. A
 * function in C has its name in brackets. `--least=N` leaves out functions with fewer instructions (10,000).
 *
 * `--c-functions` prints instead the names of the C functions that all rows execute, in the order of their first call:
 * the content of toolchain/static-exe/host/hot-functions.txt.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { executablePath } from '@cnikit/plugin';
import { table } from './lib/statistics.ts';
import { COMMANDS, type Counted, inNetwork, instructions, NETWORKS, systemCalls } from './plugin/counts.ts';
import { clearNode, DATA_DIR, requireSandbox } from './plugin/node.ts';
import { callTree, executedFunctions } from './plugin/profile.ts';

const { values } = parseArgs({
  options: {
    functions: { type: 'string' },
    least: { type: 'string' },
    'c-functions': { type: 'boolean' },
  },
});

async function main(): Promise<void> {
  requireSandbox();
  const missing = ['strace', 'valgrind'].filter((tool) => spawnSync(tool, ['--version']).error !== undefined);
  if (missing.length > 0) {
    console.log(`Nothing counted: install ${missing.join(' and ')}`);
    return;
  }
  mkdirSync(DATA_DIR, { recursive: true });
  try {
    console.log(await output());
  } finally {
    clearNode();
  }
}

async function output(): Promise<string> {
  if (values['c-functions']) {
    return (await executedFunctions(rows())).join('\n');
  }
  return values.functions === undefined
    ? counts()
    : await callTree(rowNamed(values.functions), Number(values.least ?? 10_000));
}

function rows(): Counted[] {
  return Object.keys(NETWORKS).flatMap((network) => COMMANDS.map((command) => ({ network, command })));
}

const titleOf = ({ command, network }: Counted): string => `${command}, ${network}`;

function rowNamed(title: string): Counted {
  const row = rows().find((one) => titleOf(one) === title);
  if (row === undefined) {
    throw new Error(`No row "${title}": choose from\n  ${rows().map(titleOf).join('\n  ')}`);
  }
  return row;
}

function counts(): string {
  const program = executablePath();
  return table([
    ['', 'system calls', 'million instructions'],
    ...rows().map((row) => [
      titleOf(row),
      String(inNetwork(row, program, systemCalls)),
      (inNetwork(row, program, instructions) / 1e6).toFixed(2),
    ]),
  ]);
}

await main();
