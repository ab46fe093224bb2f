/** Questions of `cnikit-agent policy`. */
import { AgentError } from '../core/error.ts';

const questions = ['why', 'matrix', 'check'] as const;
export type QuestionName = (typeof questions)[number];

/** A question as on the command line. */
export interface PolicyQuestion {
  name: QuestionName;
  from?: string | undefined;
  to?: string | undefined;
  namespaces: readonly string[];
  ports: readonly string[];
  endpoints: readonly string[];
}

/** @throws {AgentError} `USAGE` when the words after `policy` are not one question. */
export function parseQuestionName(words: readonly string[]): QuestionName {
  const question = questions.find((name) => name === words[0]);
  if (question === undefined || words.length > 1) {
    const got = words.length === 0 ? '' : `, got: policy ${words.join(' ')}`;
    throw new AgentError('USAGE', `Expected policy why, policy matrix or policy check${got}`);
  }
  return question;
}
