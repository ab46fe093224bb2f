/** Words that restore reads back unchanged without quotes. */
const PLAIN = /^[\w./:,+%@=[\]|-]+$/;

/** One word as iptables-restore reads it back: in double quotes, `"` and `\` escaped, unless it is plain. */
export function quoteWord(word: string): string {
  if (PLAIN.test(word)) {
    return word;
  }
  return `"${word.replace(/["\\]/g, '\\$&')}"`;
}

/** argv as one line; a lone `!` stays bare because in quotes it would be a value. */
export function joinWords(words: readonly string[]): string {
  return words.map((word) => (word === '!' ? word : quoteWord(word))).join(' ');
}

/** A word of a save line, and whether quotes were around it (`"!"` is a value, `!` a negation). */
export interface Word {
  readonly text: string;
  readonly quoted: boolean;
}

/** Splits a line of iptables-save into words, undoing its quotes and backslashes. */
export function splitWords(line: string): Word[] {
  const words: Word[] = [];
  let at = 0;
  while (at < line.length) {
    const start = line[at] as string;
    if (start === ' ' || start === '\t') {
      at++;
    } else if (start === '"') {
      let text = '';
      at++;
      while (at < line.length && line[at] !== '"') {
        if (line[at] === '\\') {
          at++;
        }
        text += line[at] ?? '';
        at++;
      }
      at++;
      words.push({ text, quoted: true });
    } else {
      let end = line.indexOf(' ', at);
      if (end < 0) {
        end = line.length;
      }
      words.push({ text: line.slice(at, end), quoted: false });
      at = end;
    }
  }
  return words;
}
