/** The log of the agent: structured fields and a sentence. */
export interface Log {
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
}
