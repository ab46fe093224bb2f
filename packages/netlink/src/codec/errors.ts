/** What a `NetlinkDecodeError` says went wrong. */
export type DecodeErrorCode =
  /** The bytes end before what they announce. */
  | 'TRUNCATED'
  /** A length field contradicts itself or its surroundings. */
  | 'BAD_LENGTH'
  /** The attribute has another size than its type needs. */
  | 'BAD_SIZE'
  /** The value is none that this type can have. */
  | 'BAD_VALUE';

/** Bytes that are no well-formed netlink. The only error that decoders throw. */
export class NetlinkDecodeError extends Error {
  override readonly name = 'NetlinkDecodeError';
  readonly code: DecodeErrorCode;
  /** The message or attribute by its kernel name, e.g. `RTA_OIF`. */
  readonly what: string;
  /** Where in the buffer, in bytes from its start. */
  readonly offset: number;

  constructor(code: DecodeErrorCode, what: string, offset: number, problem: string) {
    super(`${what} at byte ${offset}: ${problem}`);
    this.code = code;
    this.what = what;
    this.offset = offset;
  }
}

/** What a `NetlinkEncodeError` says went wrong. */
export type EncodeErrorCode =
  /** No IP address, prefix or link-layer address. */
  | 'BAD_ADDRESS'
  /** Longer than the attribute or the message can be. */
  | 'TOO_LONG'
  /** Outside of what the field can hold. */
  | 'BAD_VALUE'
  /** The request needs one more member, or two members contradict each other. */
  | 'BAD_REQUEST';

/** A value that cannot be put into a request; nothing was sent. The only error that builders throw. */
export class NetlinkEncodeError extends Error {
  override readonly name = 'NetlinkEncodeError';
  readonly code: EncodeErrorCode;

  constructor(code: EncodeErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
