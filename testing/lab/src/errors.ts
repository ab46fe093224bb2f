/** What a {@link LabError} is about. */
export type LabErrorCode =
  | 'NO_SANDBOX'
  | 'COMMAND_FAILED'
  | 'CANNOT_START'
  | 'TIMEOUT'
  | 'NO_CONFLIST'
  | 'PLUGIN_FAILED';

/** Trouble in the lab itself or in what it ran; `code` says which kind, the message names the thing. */
export class LabError extends Error {
  override readonly name = 'LabError';
  readonly code: LabErrorCode;

  constructor(code: LabErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
