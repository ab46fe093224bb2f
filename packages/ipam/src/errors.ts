/** What went wrong, for programs: branch on this, never on the message. */
export type IpamErrorCode =
  /** The configuration is not usable. */
  | 'CONFIG'
  /** CNI_ARGS is malformed or holds an unknown key. */
  | 'ARGS'
  /** The container id or interface name cannot own an address. */
  | 'OWNER'
  /** Every address of a range set is taken. */
  | 'EXHAUSTED'
  /** The attachment already holds an address of the range set. */
  | 'DUPLICATE'
  /** A requested address is in no range, taken, or the gateway. */
  | 'UNAVAILABLE'
  /** CHECK: the attachment does not hold what it should. */
  | 'NOT_FOUND'
  /** The lock was held by others for the whole time allowed. */
  | 'LOCK_TIMEOUT'
  /** The kernel refused; `cause` is its error. */
  | 'IO';

/** Error codes of the CNI specification, section 5; 999 is what the reference host-local answers for the rest. */
const CNI_CODES: Readonly<Record<IpamErrorCode, number>> = {
  CONFIG: 7,
  ARGS: 4,
  OWNER: 4,
  EXHAUSTED: 999,
  DUPLICATE: 999,
  UNAVAILABLE: 999,
  NOT_FOUND: 999,
  LOCK_TIMEOUT: 11,
  IO: 5,
};

/**
 * Every failure of this package. Messages that users of the reference host-local match on are
 * worded as it words them, lower case included.
 */
export class IpamError extends Error {
  override readonly name = 'IpamError';
  readonly code: IpamErrorCode;
  /** The code that a CNI plugin prints for it: 4, 5, 7, 11 or 999. */
  readonly cniCode: number;

  constructor(code: IpamErrorCode, message: string, cause?: unknown) {
    super(message);
    this.code = code;
    this.cniCode = CNI_CODES[code];
    if (cause !== undefined) {
      this.cause = cause;
    }
  }
}
