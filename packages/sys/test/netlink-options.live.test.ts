/** Kernels that lack or refuse options of netlink sockets, whose answers strace gives. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';

const missing = process.env.CNIKIT_SANDBOX !== '1' || spawnSync('strace', ['-V']).status !== 0;

/** Opens a socket and prints its port or error, and the change in the number of descriptors. */
const SCRIPT = `
  import { readdirSync } from 'node:fs';
  import { NETLINK_ROUTE, sys } from '@cnikit/sys';
  const count = () => readdirSync('/proc/self/fd').length;
  sys.getpid();
  const before = count();
  let answer;
  try {
    answer = sys.openNetlink(NETLINK_ROUTE).port > 0;
  } catch (error) {
    answer = error.code;
  }
  console.log(JSON.stringify([answer, count() - before]));`;

function openedWhile(injected: string): unknown {
  const node = [process.execPath, '--conditions=@cnikit/source', '--input-type=module', '-e', SCRIPT];
  const { stdout } = spawnSync('strace', ['-f', '-o', '/dev/null', '-e', `inject=${injected}`, ...node], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  return JSON.parse(stdout);
}

describe.skipIf(missing)('netlink sockets (need the sandbox and strace)', () => {
  test('openNetlink() opens on a kernel that lacks the options of netlink sockets', () => {
    expect(openedWhile('setsockopt:error=ENOPROTOOPT')).toEqual([true, 1]);
  });

  test.each([1, 2, 3])('openNetlink() closes its socket when the kernel refuses option %i', (which) => {
    expect(openedWhile(`setsockopt:error=EPERM:when=${which}`)).toEqual(['EPERM', 0]);
  });

  test('openNetlink() closes its socket when it cannot be bound', () => {
    expect(openedWhile('bind:error=ENOMEM')).toEqual(['ENOMEM', 0]);
  });
});
