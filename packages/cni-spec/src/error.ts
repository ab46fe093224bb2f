import type { ErrorDocument } from './schemas/config.ts';

/** Error codes of SPEC section 5 "Error", and the two the reference library adds (8 and 999). Plugins may use 100 and up for their own. */
export const ErrorCode = {
  /** The plugin does not speak the configuration's cniVersion; `details` should list both sides. */
  IncompatibleCNIVersion: 1,
  /** A field of the configuration is not supported; the message must hold its key and value. */
  UnsupportedField: 2,
  /** The container is unknown: the runtime need not clean anything up. */
  UnknownContainer: 3,
  /** A CNI_* variable is missing or malformed; the message must name it. */
  InvalidEnvironmentVariables: 4,
  /** Reading or writing failed, such as of stdin. */
  IOFailure: 5,
  /** Something could not be decoded: the configuration, a result, a version. */
  DecodingFailure: 6,
  /** The configuration decodes but makes no sense. */
  InvalidNetworkConfig: 7,
  /** CNI_NETNS is no network namespace, or the plugin's own (reference library). */
  InvalidNetNS: 8,
  /** A passing condition: the runtime may try again later. */
  TryAgainLater: 11,
  /** STATUS: the plugin cannot serve ADD. */
  PluginNotAvailable: 50,
  /** STATUS: the plugin cannot serve ADD, and containers that exist may have limited connectivity. */
  LimitedConnectivity: 51,
  /** Anything else (reference library). */
  Internal: 999,
} as const;

/**
 * An error with a CNI code.
 *
 * Throw it from a plugin's verb to choose the code; anything else that is thrown becomes code 999, or the
 * number in its `cniCode` property if it has one, so that other packages' errors need not know this one.
 */
export class CniError extends Error {
  override readonly name = 'CniError';
  /** One of {@link ErrorCode}, or 100 and up. */
  readonly code: number;
  /** Longer explanation for a person; '' if there is none. */
  readonly details: string;

  constructor(code: number, msg: string, details = '', options?: ErrorOptions) {
    super(msg, options);
    this.code = code;
    this.details = details;
  }
}

/** Makes a {@link CniError} of anything thrown; `fallback` is the code for what brings none of its own. */
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

/** The document for stdout; the reference leaves cniVersion out, the SPEC wants it in. */
export function encodeError(error: CniError, cniVersion: string): ErrorDocument {
  const document: ErrorDocument = { cniVersion, code: error.code, msg: error.message };
  if (error.details !== '') {
    document.details = error.details;
  }
  return document;
}
