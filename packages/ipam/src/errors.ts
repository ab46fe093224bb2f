/** Error codes. Programs branch on these, never on the message. */
export type IpamErrorCode =
  /** The configuration is invalid. */
  | 'CONFIG'
  /** CNI_ARGS is malformed or has an unknown key. */
  | 'ARGS'
  /** The container ID or the interface name is invalid. */
  | 'OWNER'
  /** Every address of a range set is taken. */
  | 'EXHAUSTED'
  /** The attachment already holds an address of the range set. */
  | 'DUPLICATE'
  /** A requested address is in no range, taken, or the gateway. */
  | 'UNAVAILABLE'
  /** CHECK: the attachment does not hold the expected addresses. */
  | 'NOT_FOUND'
  /** Other processes held the lock until the timeout. */
  | 'LOCK_TIMEOUT'
  /** A system call failed; `cause` is its error. */
  | 'IO';

/** Error codes of the CNI specification, section 5. host-local returns 999 for the rest. */
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
 * Every error of this package. The message equals host-local's where that has one, lower case
 * included, because users match on it.
 */
export class IpamError extends Error {
  override readonly name = 'IpamError';
  readonly code: IpamErrorCode;
  /** Error code for a CNI plugin: 4, 5, 7, 11 or 999. */
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
