import type { ErrorDocument } from './schemas/config.ts';

/**
 * Error codes of SPEC section 5 "Error", and 8 and 999, which libcni adds. Plugins may define codes from 100.
 */
export const ErrorCode = {
  /** The plugin does not support the cniVersion of the configuration; `details` should list both sides. */
  IncompatibleCNIVersion: 1,
  /** A field of the configuration is not supported; the message must contain its key and value. */
  UnsupportedField: 2,
  /** The container is unknown. The runtime need not clean up. */
  UnknownContainer: 3,
  /** A CNI_* variable is missing or invalid; the message must name it. */
  InvalidEnvironmentVariables: 4,
  /** Input or output failed, for example reading stdin. */
  IOFailure: 5,
  /** The configuration, a result or a version cannot be decoded. */
  DecodingFailure: 6,
  /** The configuration is invalid. */
  InvalidNetworkConfig: 7,
  /** CNI_NETNS is not a network namespace, or is the plugin's own (libcni). */
  InvalidNetNS: 8,
  /** A transient error: the runtime may retry later. */
  TryAgainLater: 11,
  /** STATUS: the plugin cannot serve ADD. */
  PluginNotAvailable: 50,
  /** STATUS: the plugin cannot serve ADD, and existing containers may have limited connectivity. */
  LimitedConnectivity: 51,
  /** Any other error (libcni). */
  Internal: 999,
} as const;

/**
 * An error with a CNI code. Throw it from a verb to choose the code. Any other error gets the number in its
 * `cniCode` property, or else the code 999, so that other packages need not import this class.
 */
export class CniError extends Error {
  override readonly name = 'CniError';
  /** One of {@link ErrorCode}, or a code from 100. */
  readonly code: number;
  /** Longer explanation; may be ''. */
  readonly details: string;

  constructor(code: number, msg: string, details = '', options?: ErrorOptions) {
    super(msg, options);
    this.code = code;
    this.details = details;
  }
}

/** Converts any thrown value to a {@link CniError}. `fallback` is the code for a value without one. */
export function toCniError(thrown: unknown, fallback: number = ErrorCode.Internal): CniError {
  if (thrown instanceof CniError) {
    return thrown;
  }
  if (!(thrown instanceof Error)) {
    return new CniError(fallback, String(thrown));
  }
  const own = (thrown as { cniCode?: unknown }).cniCode;
  const code = typeof own === 'number' && Number.isInteger(own) && own > 0 ? own : fallback;
  return new CniError(code, thrown.message, '', { cause: thrown });
}

/** Returns the error document for stdout. It has a cniVersion, as the SPEC requires and libcni omits. */
export function encodeError(error: CniError, cniVersion: string): ErrorDocument {
  const document: ErrorDocument = { cniVersion, code: error.code, msg: error.message };
  if (error.details !== '') {
    document.details = error.details;
  }
  return document;
}
