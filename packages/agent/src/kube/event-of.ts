/** Maps problems to Kubernetes Events. Pure. */
import { type Problem, problemKey, problemKinds } from '../core/problem.ts';

/** An Event about this node's Node. Problems of one `key` are one Event. */
export interface NodeEvent {
  key: string;
  /** CamelCase, for machines. */
  reason: string;
  message: string;
}

const MAX_BYTES = 1000;

/**
 * Returns the Events for the problems of this node. Problems of other nodes are left to those nodes' agents:
 * otherwise each would become as many Events as there are nodes.
 */
export function nodeEvents(problems: Iterable<Problem>, podCIDRs: readonly string[]): NodeEvent[] {
  const byKey = new Map<string, { reason: string; messages: string[] }>();
  for (const problem of problems) {
    const { kind, subject, message } = problem;
    const { reason, merged } = problemKinds[kind];
    if (reason === undefined || (kind === 'claim' && !podCIDRs.includes(subject))) {
      continue;
    }
    const key = merged ? reason : problemKey(problem);
    const entry = byKey.get(key) ?? { reason, messages: [] };
    entry.messages.push(message);
    byKey.set(key, entry);
  }
  return [...byKey].map(([key, { reason, messages }]) => ({ key, reason, message: summary(messages) }));
}

function summary([first = '', ...more]: string[]): string {
  const text = more.length === 0 ? first : `${more.length + 1} problems, the first: ${first}`;
  return text.length > MAX_BYTES ? `${text.slice(0, MAX_BYTES - 1)}…` : text;
}
