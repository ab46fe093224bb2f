/** Counts the bytes that a process and those that it starts send to the kernel by netlink, as strace sees them. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';

export const hasStrace = (): boolean => spawnSync('strace', ['-V']).status === 0;

/** Returns the bytes of netlink messages that `pid` and its children send during `body`. */
export async function netlinkBytes(pid: number, body: () => Promise<void>): Promise<number> {
  const trace = `/run/cnikit-bench-trace-${pid}`;
  const options = ['-f', '-yy', '-s', '0', '-e', 'trace=sendto,sendmsg,sendmmsg', '-e', 'signal=none'];
  const strace = spawn('strace', [...options, '-o', trace, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await once(createInterface({ input: strace.stderr! }), 'line');
  try {
    await body();
  } finally {
    const ended = once(strace, 'exit');
    strace.kill('SIGINT');
    await ended;
  }
  const lines = readFileSync(trace, 'utf8').split('\n');
  rmSync(trace);
  return sum(lines);
}

/** Another thread can interrupt a line: the first part has the socket, the last one the result. */
function sum(lines: readonly string[]): number {
  let bytes = 0;
  const unfinished = new Set<string>();
  for (const line of lines) {
    const [thread = ''] = line.split(' ', 1);
    const isNetlink = /send\w+\(\d+<NETLINK:/.test(line);
    const isResumed = / resumed>/.test(line) && unfinished.delete(thread);
    if (isNetlink && line.endsWith('<unfinished ...>')) {
      unfinished.add(thread);
    } else if (isNetlink || isResumed) {
      bytes += Number(/ = (\d+)$/.exec(line)?.[1] ?? 0);
    }
  }
  return bytes;
}
