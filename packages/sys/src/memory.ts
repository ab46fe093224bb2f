/**
 * Returns unused memory of a Node process to the kernel.
 *
 * ```ts
 * import { releaseMemory } from '@cnikit/sys/memory';
 *
 * console.log(`${releaseMemory()} bytes of code were resident`);
 * ```
 *
 * @module
 */
import { addon } from './adapters/node.ts';
import { SysError } from './error.ts';

/**
 * Returns free memory of glibc's heap to the kernel, and unmaps the pages of files, such as the executable and libraries:
 * Node touches most of them only while it starts. The kernel maps a page again when it is next used, from its page cache
 * unless that page was evicted. Call it once, when a long-running program has become idle. Returns the bytes of files that
 * were resident.
 *
 * Affects only private mappings that are not writable and whose pages are all of the file. Relocated or patched code, a
 * debugger's breakpoints, and code that `--use-largepages` moved remain. The heap of V8 remains too. Blocks for some
 * milliseconds. Node only.
 *
 * @throws {SysError} when /proc/self/smaps cannot be read
 */
export function releaseMemory(): number {
  const released = addon().releaseMemory();
  if (released < 0) {
    throw new SysError({ syscall: 'releaseMemory', errno: -released });
  }
  return released;
}
