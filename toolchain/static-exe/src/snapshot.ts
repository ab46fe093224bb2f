import { execFile, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Toolchain } from './toolchain.ts';

const run = promisify(execFile);

/** Values of host/heap.h. */
const SECTION = '.cnk_heap';
const STAGE_PLAIN = 1n;
const USED_OFFSET = 8;
const PAGE = 4096;

export type Link = (out: string, heapSize?: number) => Promise<void>;

/** Parameters of the build stage. */
interface Stage {
  tools: Toolchain;
  /** File with the entry's bytecode. */
  entry: string;
  /** Folder for temporary files. */
  work: string;
}

/** Links the executable, runs it to get its finished heap, and writes the heap into it. See host/main.c. */
export async function linkWithSnapshot(link: Link, stage: Stage, out: string): Promise<void> {
  const { tools, work } = stage;
  // Link twice: first with a large heap, to find out the size in use.
  const draft = join(work, 'draft');
  await link(draft);
  const used = Number(heapOf(draft, stage).readBigUInt64LE(USED_OFFSET));
  await link(out, Math.ceil((used + PAGE / 2) / PAGE) * PAGE);
  await fill(out, heapOf(out, stage), tools, work);
}

/** Links an executable that creates its context at each start. */
export async function linkPlain(link: Link, tools: Toolchain, work: string, out: string): Promise<void> {
  await link(out, PAGE);
  const root = Buffer.alloc(PAGE);
  root.writeBigUInt64LE(STAGE_PLAIN);
  await fill(out, root, tools, work);
}

/** Returns the output of the executable's build stage. Its environment is empty, to exclude this machine's variables. */
function heapOf(executable: string, { tools, entry, work }: Stage): Buffer {
  const path = join(work, 'heap.bin');
  const [from, to] = [openSync(entry, 'r'), openSync(path, 'w')];
  const [command, ...args] = [...tools.runner!, executable];
  const { status, error, stderr } = spawnSync(command!, args, {
    env: {},
    stdio: [from, to, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(from);
  closeSync(to);
  if (error) {
    throw error;
  }
  if (status !== 0) {
    throw new Error(`The executable's build stage failed: ${stderr.trim() || `status ${status}`}`);
  }
  return readFileSync(path);
}

async function fill(executable: string, heap: Buffer, tools: Toolchain, work: string): Promise<void> {
  const path = join(work, 'section.bin');
  writeFileSync(path, heap);
  // The section .comment has the versions of the compilers, also of those that made the C library.
  await run(tools.objcopy, [
    '--remove-section',
    '.comment',
    '--update-section',
    `${SECTION}=${path}`,
    executable,
  ]);
}
