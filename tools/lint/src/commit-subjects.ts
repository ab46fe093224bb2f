/**
 * Checks the subjects of the branch's commits: `scope: imperative verb …`.
 *
 * @module
 */
import { spawnSync } from 'node:child_process';

/** Subjects of earlier commits follow no rule. */
const BASE = '3903a9f';
const MAX_LENGTH = 72;
const SUBJECT = /^[a-z0-9@][\w@./-]*(, [a-z0-9@][\w@./-]*)*: (\S+)/;
/** Words that begin a description of a state, and forms of a verb that are not the imperative. */
const NOT_IMPERATIVE =
  /^(a|an|the|this|that|these|those|all|every|each|no|what|who|where|when|which|it|its|of|by|for|with|in|on|at|as|is|are|now)$|^(adds|fixes|removes|makes|uses|moves|renames|gives|keeps|drops|updates|changes|lets|runs|\w{3,}ed|\w{3,}ing)$/i;
/** Imperatives that end like a participle. */
const IMPERATIVE = /^(bring|embed|exceed|feed|need|proceed|seed|shed|speed|spring|string|swing|wed|ping)$/i;

/** A commit: its abbreviated hash and the first line of its message. */
export interface Commit {
  hash: string;
  subject: string;
}

/** Returns a sentence for each rule that the subject breaks. */
export function subjectProblems(subject: string): string[] {
  const problems: string[] = [];
  if (subject.length > MAX_LENGTH) {
    problems.push(`${subject.length} characters, at most ${MAX_LENGTH}`);
  }
  if (subject.includes(';')) {
    problems.push('a semicolon joins two changes: make two commits');
  }
  const verb = SUBJECT.exec(subject)?.at(-1);
  if (verb === undefined) {
    problems.push('begin with a scope in lower case, such as "ipam: "');
  } else if (NOT_IMPERATIVE.test(verb) && !IMPERATIVE.test(verb)) {
    problems.push(`continue after the scope with an imperative verb, not "${verb}"`);
  } else if (/^[A-Z][a-z]/.test(verb)) {
    problems.push('continue in lower case after the scope');
  }
  return problems;
}

/**
 * Returns the commits that the rules apply to: those after the base commit. A clone that lacks it (a shallow one) gives
 * its newest commit.
 */
export function newSubjects(root: string): Commit[] {
  const git = (...argv: string[]): string | undefined => {
    const { status, stdout } = spawnSync('git', argv, { cwd: root, encoding: 'utf8' });
    return status === 0 ? stdout.trim() : undefined;
  };
  const base = git('rev-parse', '--verify', '--quiet', `${BASE}^{commit}`);
  const reachable = base !== undefined && git('merge-base', '--is-ancestor', base, 'HEAD') !== undefined;
  const range = reachable ? [`${base}..HEAD`] : ['--max-count=1', 'HEAD'];
  const lines = git('log', '--no-merges', '--format=%h %s', ...range) ?? '';
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ hash: line.slice(0, line.indexOf(' ')), subject: line.slice(line.indexOf(' ') + 1) }));
}
