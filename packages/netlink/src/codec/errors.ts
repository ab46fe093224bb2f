/** The kinds of `NetlinkDecodeError`. */
export type DecodeErrorCode =
  /** The bytes end too early. */
  | 'TRUNCATED'
  /** A length field contradicts the bytes around it. */
  | 'BAD_LENGTH'
  /** The attribute does not have the size that its type needs. */
  | 'BAD_SIZE'
  /** The type cannot have this value. */
  | 'BAD_VALUE';

/** Bytes that are not valid netlink. The only error that decoders throw. */
export class NetlinkDecodeError extends Error {
  override readonly name = 'NetlinkDecodeError';
  readonly code: DecodeErrorCode;
  /** The message or attribute by its kernel name, e.g. `RTA_OIF`. */
  readonly what: string;
  /** Position in the buffer, in bytes. */
  readonly offset: number;

  constructor(code: DecodeErrorCode, what: string, offset: number, problem: string) {
    super(`${what} at byte ${offset}: ${problem}`);
    this.code = code;
    this.what = what;
    this.offset = offset;
  }
}

/** The kinds of `NetlinkEncodeError`. */
export type EncodeErrorCode =
  /** The text is not an IP address, prefix or link-layer address. */
  | 'BAD_ADDRESS'
  /** The value exceeds the attribute or the message. */
  | 'TOO_LONG'
  /** The value is out of range for the field. */
  | 'BAD_VALUE'
  /** A required property is missing, or two properties contradict each other. */
  | 'BAD_REQUEST';

/** A value that cannot be encoded; nothing was sent. The only error that builders throw. */
export class NetlinkEncodeError extends Error {
  override readonly name = 'NetlinkEncodeError';
  readonly code: EncodeErrorCode;

  constructor(code: EncodeErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
