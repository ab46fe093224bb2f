/**
 * Finds the prose of a file: comments, string literals, Markdown outside of code.
 *
 * @module
 */

/** A piece of prose. Code in backticks is replaced by spaces; line breaks stay. */
export interface Passage {
  kind: 'comment' | 'string' | 'markdown';
  /** Line of the file that the text begins on, from 1. */
  line: number;
  text: string;
}

/** Returns the passages of a file, by the ending of its name; none of a file of another language. */
export function passagesOf(path: string, text: string): Passage[] {
  if (path.endsWith('.md')) {
    return [{ kind: 'markdown', line: 1, text: proseOfMarkdown(text) }];
  }
  return /\.(ts|mjs|js|c|h)$/.test(path) ? passagesOfCode(text) : [];
}

/** Blanks out fenced, indented and inline code. */
function proseOfMarkdown(text: string): string {
  const blank = (code: string): string => code.replace(/[^\n]/g, ' ');
  return text
    .replace(/^( *)(`{3,}|~{3,})[^\n]*\n[\s\S]*?^\1\2[^\n]*$/gm, blank)
    .replace(/^ {4,}[^-*\s][^\n]*$/gm, blank)
    .replace(/`[^`\n]+`/g, blank);
}

/** Comments, strings and template texts of TypeScript, JavaScript or C, found by a scanner that also knows regular expressions. */
function passagesOfCode(text: string): Passage[] {
  const found: Passage[] = [];
  const add = (kind: Passage['kind'], start: number, body: string): void => {
    if (/[a-z]+ [a-z]/i.test(body)) {
      found.push({ kind, line: lineAt(text, start), text: body });
    }
  };
  /** For each open template the number of open braces within its current `${`. */
  const templates: number[] = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at, at + 2);
    if (rest === '//') {
      const end = endOfLineComments(text, at);
      add('comment', at, clean(text.slice(at, end).replace(/^[ \t]*\/\/ ?/gm, '')));
      at = end;
    } else if (rest === '/*') {
      const end = until(text, '*/', at + 2);
      add(
        'comment',
        at,
        clean(
          text
            .slice(at, end)
            .replace(/^\/\*+[ \t]*|\s*\*+\/$/g, '')
            .replace(/^[ \t]*\*[ \t]?/gm, ''),
        ),
      );
      at = end;
    } else if (text[at] === "'" || text[at] === '"') {
      const end = endOfString(text, at);
      add('string', at, text.slice(at + 1, end - 1));
      at = end;
    } else if (text[at] === '`' || (text[at] === '}' && templates.at(-1) === 0)) {
      if (text[at] === '}') {
        templates.pop();
      }
      const { end, open } = endOfTemplateText(text, at + 1);
      add('string', at, text.slice(at + 1, end));
      if (open) {
        templates.push(0);
      }
      at = end + (open ? 2 : 1);
    } else if (text[at] === '/' && beginsRegex(text, at)) {
      at = endOfRegex(text, at);
    } else {
      if (templates.length > 0 && text[at] === '{') {
        templates[templates.length - 1]! += 1;
      } else if (templates.length > 0 && text[at] === '}') {
        templates[templates.length - 1]! -= 1;
      }
      at++;
    }
  }
  return found;
}

/** Blanks out the code of a comment: indented examples, inline code, links, tags. */
function clean(comment: string): string {
  return proseOfMarkdown(comment)
    .replace(/\{@\w+[^}]*\}/g, (link) => link.replace(/[^\n]/g, ' '))
    .replace(/^\s*@\w+.*$/gm, (line) => line.replace(/[^\n]/g, ' '));
}

function lineAt(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}

function until(text: string, mark: string, from: number): number {
  const at = text.indexOf(mark, from);
  return at === -1 ? text.length : at + mark.length;
}

/** Returns the end of the comment and of the line comments that directly follow. */
function endOfLineComments(text: string, at: number): number {
  const end = /(?:\/\/[^\n]*(?:\n[ \t]*(?=\/\/)|$|(?=\n)))+/y;
  end.lastIndex = at;
  return at + (end.exec(text)?.[0].length ?? 2);
}

function endOfString(text: string, at: number): number {
  const quote = text[at];
  let end = at + 1;
  while (end < text.length && text[end] !== quote && text[end] !== '\n') {
    end += text[end] === '\\' ? 2 : 1;
  }
  return end + 1;
}

function endOfTemplateText(text: string, at: number): { end: number; open: boolean } {
  let end = at;
  while (end < text.length && text[end] !== '`') {
    if (text[end] === '$' && text[end + 1] === '{') {
      return { end, open: true };
    }
    end += text[end] === '\\' ? 2 : 1;
  }
  return { end, open: false };
}

/** A slash divides after a name, a number or a closing bracket, and else begins a regular expression. */
function beginsRegex(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 40), at).trimEnd();
  return /(^|[(,=:[!&|?{};+<>]|\b(return|typeof|case|of|in))$/.test(before);
}

function endOfRegex(text: string, at: number): number {
  let inClass = false;
  let end = at + 1;
  while (end < text.length && text[end] !== '\n' && (inClass || text[end] !== '/')) {
    if (text[end] === '[') {
      inClass = true;
    } else if (text[end] === ']') {
      inClass = false;
    }
    end += text[end] === '\\' ? 2 : 1;
  }
  return end + 1;
}
