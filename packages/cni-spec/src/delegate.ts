import { decodeNetworkConfig } from './config.ts';
import { decodeResult } from './convert.ts';
import type { Verb } from './env.ts';
import { CniError, ErrorCode } from './error.ts';
import { checkOutcome, type ExecOutcome, type ExecRequest, execEnv, findPlugin, readResult } from './exec.ts';
import type { Context } from './plugin.ts';
import type { Result } from './schemas/index.ts';

/** What delegation needs of the world: `@cnikit/cni-spec/main` has it for Node. */
export interface DelegateIo {
  /** Runs an executable to its end, in the plugin's own namespaces. */
  exec(request: ExecRequest): ExecOutcome;
  /** Whether the path is a regular file. */
  isFile(path: string): boolean;
}

/**
 * Runs another plugin, such as the one `ipam.type` names, for the operation at hand (SPEC section 4): found by
 * CNI_PATH, with the same environment and the whole stdin.
 *
 * An ADD that fails is followed by the delegate's DEL, so that nothing of it stays.
 *
 * @returns the delegate's result, in the newest shape, for ADD; undefined for all else
 * @throws CniError with the delegate's code and words; 7 if it is not installed.
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
 * {@link delegate} for ADD of an IPAM plugin.
 *
 * @throws CniError 999 if it answers without addresses.
 */
export function delegateIpamAdd(io: DelegateIo, context: Context<unknown>, type: string): Result {
  const result = delegate(io, { ...context, command: 'ADD' }, type) ?? {};
  if (result.ips?.length) {
    return result;
  }
  undo(() => delegate(io, { ...context, command: 'DEL' }, type));
  throw new CniError(ErrorCode.Internal, `IPAM plugin ${type} returned missing IP config`);
}

/** The failure that led here is the one to report. */
function undo(body: () => unknown): void {
  try {
    body();
  } catch {
    // The runtime's DEL comes next and meets it again.
  }
}
