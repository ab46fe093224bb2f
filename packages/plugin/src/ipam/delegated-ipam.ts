import {
  type Context,
  type DelegateIo,
  delegate,
  delegateIpamAdd,
  type Result,
  type Verb,
} from '@cnikit/cni-spec';
import { S_IFMT, S_IFREG, type Sys, SysError } from '@cnikit/sys';
import type { PodIpam } from './pod-ipam.ts';

/** Returns an IPAM plugin that is an executable in CNI_PATH (SPEC section 4). */
export function delegatedIpam(sys: Sys, context: Context<unknown>, type: string): PodIpam {
  const io = delegateIo(sys);
  const run = (command: Verb): Result | undefined => delegate(io, { ...context, command }, type);
  return {
    add() {
      const { ips = [], routes = [], dns } = delegateIpamAdd(io, context, type);
      return { ips, routes, dns };
    },
    del: () => void run('DEL'),
    check: () => void run('CHECK'),
    gc: () => void run('GC'),
    status: () => void run('STATUS'),
  };
}

/** Runs executables for `delegate()`. */
export function delegateIo(sys: Sys): DelegateIo {
  return {
    exec({ file, env, stdin }) {
      const { status, stdout, stderr } = sys.run([file], { env: { ...sys.environ(), ...env }, input: stdin });
      // The runtime sees the plugin's logs, as if it had inherited stderr.
      if (stderr !== '') {
        sys.writeFdText(2, stderr);
      }
      return { exitCode: status, stdout, stderr };
    },
    isFile(path) {
      try {
        return (sys.stat(path).mode & S_IFMT) === S_IFREG;
      } catch (error) {
        if (error instanceof SysError) {
          return false;
        }
        throw error;
      }
    },
  };
}
