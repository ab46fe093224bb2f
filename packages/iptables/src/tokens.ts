/** Tokens that iptables-restore reads without quotes. */
const PLAIN = /^[\w./:,+%@=[\]|-]+$/;

/** Quotes a token for iptables-restore: in double quotes with `"` and `\` escaped, unless it is plain. */
export function quoteToken(token: string): string {
  if (PLAIN.test(token)) {
    return token;
  }
  return `"${token.replace(/["\\]/g, '\\$&')}"`;
}

/** Joins argv into one line. A lone `!` stays bare, because quotes would make it a value. */
export function joinTokens(tokens: readonly string[]): string {
  return tokens.map((token) => (token === '!' ? token : quoteToken(token))).join(' ');
}

/** A token of a line of iptables-save. Quotes matter: `"!"` is a value, `!` a negation. */
export interface Token {
  readonly text: string;
  readonly quoted: boolean;
}

/** Splits a line of iptables-save into tokens, without their quotes and backslashes. */
export function splitTokens(line: string): Token[] {
  const tokens: Token[] = [];
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
      tokens.push({ text, quoted: true });
    } else {
      let end = line.indexOf(' ', at);
      if (end < 0) {
        end = line.length;
      }
      tokens.push({ text: line.slice(at, end), quoted: false });
      at = end;
    }
  }
  return tokens;
}
