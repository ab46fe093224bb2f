/**
 * The Linux system calls that JavaScript runtimes lack, as one synchronous object.
 *
 * ```ts
 * import { AF_NETLINK, NETLINK_ROUTE, SOCK_RAW, sys } from '@cnikit/sys';
 *
 * const socket = sys.socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
 * console.log('netlink port', sys.bindNetlink(socket, 0));
 * sys.close(socket);
 * ```
 *
 * @module
 */
import { binding } from '#binding';
import { createSys } from './create.ts';
import type { Sys } from './sys.ts';

/** The system calls of this process. Take a `Sys` as a parameter to inject faults in tests. */
export const sys: Sys = /* @__PURE__ */ createSys(binding);

export * from './constants.ts';
export { errnoMeaning, errnoName, errnoOf } from './errno.ts';
export { SysError, type SysErrorInit } from './error.ts';
export { ignoreErrno } from './ignore-errno.ts';
export type { FileStatus, RunOptions, RunResult, Sys } from './sys.ts';
export { withNetns } from './with-netns.ts';
