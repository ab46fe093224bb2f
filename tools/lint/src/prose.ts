/**
 * Expressions that a native engineer would not write, each with what to write instead.
 *
 * @module
 */
import type { Passage } from './passages.ts';

/** An expression to avoid. */
export interface ProseRule {
  name: string;
  pattern: RegExp;
  /** What to write instead. */
  advice: string;
  /** Only at the beginning of a comment. */
  opening?: true;
}

/** An expression that was found. */
export interface ProseFinding {
  path: string;
  line: number;
  kind: Passage['kind'];
  rule: ProseRule;
  match: string;
}

export const rules: readonly ProseRule[] = [
  {
    name: 'opening',
    pattern: /^(of|by|with|where|whether|whose|who|what|that|but|nor|lest)\b/i,
    advice: 'begin a comment with a verb or with a noun that names the thing',
    opening: true,
  },
  {
    name: 'is-no',
    pattern: /(?<!\bthere )\b(is|are|was|were) (no(?! (longer|more|less|later|fewer|doubt))|none)\b/i,
    advice: '"is not a", "does not exist", "has none"',
  },
  { name: 'tell', pattern: /\b(tell|tells|told)\b/i, advice: 'report, return, print, log, distinguish' },
  { name: 'said', pattern: /\b(said|is to say)\b/i, advice: 'report, print, log, describe' },
  {
    name: 'answered',
    pattern: /\b(is|are|was|were) answered\b/i,
    advice: 'name who replies: "the kernel replies …", "… returns"',
  },
  {
    name: 'who',
    pattern:
      /(?<!\b(those|one|users?|people|anyone|everyone|developer|node|client|process) )\bwho (asks?|speaks?|has|have|wants?|closes?|reads?|needs?)\b/i,
    advice: 'name the caller, the client, the process',
  },
  {
    name: 'archaic',
    pattern:
      /\b(somebody|whoever|whatever|whichever|lest|anew|meanwhile|mend(s|ed|ing)?|for ever|at rest|by hand|nobody|thereof|therein|shall)\b/i,
    advice: '"another process", "any", "so that … not", "again", "repair", "idle", "manually", "must"',
  },
  {
    name: 'preposition-which',
    pattern: /\b(by|of|from|to|with|in|on|for|at|behind|below|under) (which|whom)\b/i,
    advice: '"that …", or two sentences',
  },
  {
    name: 'of-its-own',
    pattern:
      /\bof (its|their|our|your|his|one's) own\b(?! (?!and|or|but|as|to|in|on|at|by|for|with|that|which|when|where|if|each|after|before)[a-z])/i,
    advice: '"its own X", "a separate X"',
  },
  {
    name: 'to-be',
    pattern: /\b(is|are|was|were) to be\b|\b(as|what) (it|they) (is|are) to\b|\bentry to be\b/i,
    advice: '"must", "desired", "will be"',
  },
  {
    name: 'headless-what',
    pattern:
      /\bwhat (stands?|stood|went|goes|comes|came|pods left|there (is|was)|is (there|left|needed|said|wanted)|was (there|left))\b/i,
    advice: 'name the noun: "the conflict", "leaked addresses", "the rest"',
  },
  {
    name: 'made-good',
    pattern: /\b((put|kept|set|sets|puts|keeps) (\w+ )?right|ma[dk]es? good|made good|make good)\b/i,
    advice: '"reconcile", "repair", "recover", "correct"',
  },
  { name: 'without-a-word', pattern: /\bwithout a word\b/i, advice: '"silently"' },
  {
    name: 'there-is-that',
    pattern: /\bthat there (is|are|was|were)\b|\b(is|was|are|were) there\b(?=[,.;:]|$)/i,
    advice: '"exists", "every", "available"',
  },
  {
    name: 'sentence-of',
    pattern: /(?<=[.;:] )(Of (all|the|a|an|these|those|what|each)|Nor|By then)\b/,
    advice: 'begin with the subject',
  },
  {
    name: 'one-before',
    pattern: /\bthe ones? (before|after|behind|above|below)\b/i,
    advice: '"the previous version", "the next"',
  },
];

/** Returns the expressions of the passages that a rule forbids. */
export function proseFindings(path: string, passages: readonly Passage[]): ProseFinding[] {
  return passages.flatMap(({ kind, line, text }) =>
    rules.flatMap((rule) => {
      if (rule.opening && kind !== 'comment') {
        return [];
      }
      const flags = rule.opening ? rule.pattern.flags : `${rule.pattern.flags}g`;
      const matches = rule.opening
        ? [...(rule.pattern.exec(text) === null ? [] : [rule.pattern.exec(text)!])]
        : [...text.matchAll(new RegExp(rule.pattern.source, flags))];
      return matches.map((match) => ({
        path,
        line: line + (text.slice(0, match.index).match(/\n/g)?.length ?? 0),
        kind,
        rule,
        match: match[0],
      }));
    }),
  );
}
