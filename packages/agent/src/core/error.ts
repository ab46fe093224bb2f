export type AgentErrorCode =
  /** A flag or variable is missing or wrong: exit status 2. */
  | 'USAGE'
  /** The API server could not be asked. */
  | 'API'
  /** This node lacks something that the command needs. */
  | 'NODE';

/** What ends a command, as a sentence that says what to do. */
export class AgentError extends Error {
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AgentError';
    this.code = code;
  }
}
