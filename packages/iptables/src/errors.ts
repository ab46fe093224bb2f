/**
 * Error codes for programs to branch on:
 *
 * - `MISSING`: the iptables programs of the wanted backend are not installed
 * - `UNSUPPORTED_VERSION`: iptables is older than 1.6.2, whose restore cannot wait for the lock
 * - `INVALID`: a declared chain, rule or jump is invalid; no program was run
 * - `NO_CHAIN`: a jump was declared from a chain that does not exist
 * - `INCOMPATIBLE_TABLE`: the nft table holds rules made by `nft` that iptables cannot show
 * - `PERMISSION`: reading or writing the rules is not permitted
 * - `LOCKED`: another program held the xtables lock longer than the wait
 * - `SAVE_FAILED`, `RESTORE_FAILED`: the program failed for another reason, which `stderr` contains
 * - `UNSTABLE`: the rules still differ after several restores because another program keeps changing them
 */
export type IptablesErrorCode =
  | 'MISSING'
  | 'UNSUPPORTED_VERSION'
  | 'INVALID'
  | 'NO_CHAIN'
  | 'INCOMPATIBLE_TABLE'
  | 'PERMISSION'
  | 'LOCKED'
  | 'SAVE_FAILED'
  | 'RESTORE_FAILED'
  | 'UNSTABLE';

/** Details of an error. */
export interface IptablesErrorDetails {
  /** The command that failed. */
  readonly argv?: readonly string[] | undefined;
  /** Its exit status. */
  readonly status?: number | undefined;
  /** Its standard error, unchanged. */
  readonly stderr?: string;
  /** The line of the restore input that was refused. */
  readonly line?: string;
}

/** Every failure of this package. Branch on `code`; the message is for people. */
export class IptablesError extends Error {
  override readonly name = 'IptablesError';
  readonly code: IptablesErrorCode;
  readonly argv?: readonly string[];
  readonly status?: number;
  readonly stderr?: string;
  readonly line?: string;

  constructor(code: IptablesErrorCode, message: string, details: IptablesErrorDetails = {}) {
    super(message);
    this.code = code;
    if (details.argv !== undefined) {
      this.argv = details.argv;
    }
    if (details.status !== undefined) {
      this.status = details.status;
    }
    if (details.stderr !== undefined) {
      this.stderr = details.stderr;
    }
    if (details.line !== undefined) {
      this.line = details.line;
    }
  }
}

/** Runs `action` and puts `what` in front of the message of its error. */
export function naming<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof IptablesError)) {
      throw error;
    }
    throw new IptablesError(error.code, `${what}: ${error.message}`, error);
  }
}
