export type AgentErrorCode =
  /** A flag or variable is missing or wrong: exit status 2. */
  | 'USAGE'
  /** The API server did not answer or refused the request. */
  | 'API'
  /** This node lacks something that the command needs. */
  | 'NODE';

/** An error that ends a command. The message says what to do. */
export class AgentError extends Error {
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AgentError';
    this.code = code;
  }
}
