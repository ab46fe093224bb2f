import { decodeNetworkConfig } from './config.ts';
import { decodeResult } from './convert.ts';
import type { Verb } from './env.ts';
import { CniError, ErrorCode } from './error.ts';
import { checkOutcome, type ExecOutcome, type ExecRequest, execEnv, findPlugin, readResult } from './exec.ts';
import type { Context } from './plugin.ts';
import type { Result } from './schemas/index.ts';

/** Side effects of delegation; `@cnikit/cni-spec/main` implements them for Node. */
export interface DelegateIo {
  /** Runs an executable in the namespaces of the plugin and waits for its exit. */
  exec(request: ExecRequest): ExecOutcome;
  /** Returns true for a regular file. */
  isFile(path: string): boolean;
}

/**
 * Runs another plugin, such as that of `ipam.type`, for the current operation (SPEC section 4). It is found
 * in CNI_PATH and gets the same environment and stdin. After a failed ADD, the delegate's DEL cleans up.
 *
 * @returns for ADD, the result of the delegate in the latest format; otherwise `undefined`
 * @throws {CniError} with the code and message of the delegate, or 7 if it is not installed
 */
export function delegate(io: DelegateIo, context: Context<unknown>, type: string): Result | undefined {
  const file = findPlugin(type, context.path, io.isFile);
  const run = (command: Verb): ExecOutcome => {
    const outcome = io.exec({
      file,
      env: execEnv(context.env, { CNI_COMMAND: command }),
      stdin: context.stdin,
    });
    checkOutcome(outcome, { plugin: type, command });
    return outcome;
  };
  if (context.command !== 'ADD') {
    run(context.command);
    return undefined;
  }
  try {
    const { cniVersion } = decodeNetworkConfig(context.stdin);
    return decodeResult(readResult(run('ADD').stdout, cniVersion, type));
  } catch (error) {
    undo(() => run('DEL'));
    throw error;
  }
}

/**
 * Runs ADD of an IPAM plugin, see {@link delegate}.
 *
 * @throws {CniError} 999 when the result has no addresses
 */
export function delegateIpamAdd(io: DelegateIo, context: Context<unknown>, type: string): Result {
  const result = delegate(io, { ...context, command: 'ADD' }, type) ?? {};
  if (result.ips?.length) {
    return result;
  }
  undo(() => delegate(io, { ...context, command: 'DEL' }, type));
  throw new CniError(ErrorCode.Internal, `IPAM plugin ${type} returned missing IP config`);
}

/** Runs `body` and ignores its errors: the caller throws the original one. */
function undo(body: () => unknown): void {
  try {
    body();
  } catch {
    // DEL of the runtime follows and retries.
  }
}
