import { sys as realSys, type Sys } from '@cnikit/sys';
import { checkSpec } from '#check-spec';
import { NetlinkEncodeError } from './codec/errors.ts';
import { Connection } from './connection.ts';
import type { Netns } from './netns-fd.ts';

/** How a connection is opened. */
export interface OpenOptions {
  /**
   * The system calls to use.
   *
   * @default sys of `@cnikit/sys`
   */
  sys?: Sys;
  /**
   * The network namespace to open the socket in: path, descriptor or process.
   *
   * @default the namespace of the calling thread
   */
  netns?: Netns;
}

/**
 * Opens a connection of a netlink protocol.
 *
 * @throws {NetlinkEncodeError} BAD_REQUEST when the options are a path or descriptor instead of an object
 */
export function openProtocol(protocol: number, options: OpenOptions): Connection {
  if (typeof options !== 'object' || options === null) {
    const hint = `{ netns: ${JSON.stringify(options)} }`;
    throw new NetlinkEncodeError('BAD_REQUEST', `Invalid options ${String(options)}: expected ${hint}`);
  }
  checkSpec('options', options);
  const { sys = realSys, netns } = options;
  return new Connection({ sys, protocol, netns });
}
