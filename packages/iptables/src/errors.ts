/**
 * What went wrong, for programs to branch on:
 *
 * - `MISSING`: no iptables programs of the wanted kind are installed
 * - `UNSUPPORTED_VERSION`: iptables is older than 1.6.2, which cannot wait for its lock in a restore
 * - `INVALID`: a declared chain, rule or jump cannot be right; nothing was run
 * - `NO_CHAIN`: a jump was declared from a chain that is not there
 * - `INCOMPATIBLE_TABLE`: the nft table holds rules made by `nft` that iptables cannot show
 * - `PERMISSION`: not allowed to read or write the rules
 * - `LOCKED`: another program kept the xtables lock for longer than the wait
 * - `SAVE_FAILED`, `RESTORE_FAILED`: the program failed otherwise; `stderr` has its words
 * - `UNSTABLE`: the rules still differ after several restores, so somebody keeps changing them
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

/** What is known beside the message. */
export interface IptablesErrorDetails {
  /** The command that failed. */
  readonly argv?: readonly string[];
  /** Its exit status. */
  readonly status?: number;
  /** Its words, unchanged. */
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

/** Does `action`; its failure says in front what it was about. */
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
