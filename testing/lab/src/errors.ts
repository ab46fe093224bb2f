/** Kinds of {@link LabError}. */
export type LabErrorCode =
  | 'NO_SANDBOX'
  | 'COMMAND_FAILED'
  | 'CANNOT_START'
  | 'TIMEOUT'
  | 'NO_CONFLIST'
  | 'PLUGIN_FAILED';

/** An error of the lab or of a program that it ran. */
export class LabError extends Error {
  override readonly name = 'LabError';
  readonly code: LabErrorCode;

  constructor(code: LabErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
