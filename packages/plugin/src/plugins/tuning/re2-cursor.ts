/** A position in a text of code points. */
export class Cursor {
  readonly text: readonly string[];
  at = 0;

  constructor(text: readonly string[]) {
    this.text = text;
  }

  /** Reads one character. */
  next(): string {
    return this.text[this.at++] as string;
  }

  /** Returns true when the character is next. */
  sees(char: string): boolean {
    return this.text[this.at] === char;
  }

  /** Reads the character if it is next. */
  take(char: string): boolean {
    const isHere = this.sees(char);
    this.at += isHere ? 1 : 0;
    return isHere;
  }

  /** Reads the text that the pattern, which begins with `^` and matches ASCII only, finds here. */
  match(pattern: RegExp): RegExpExecArray | null {
    const found = pattern.exec(this.text.slice(this.at).join(''));
    this.at += found?.[0].length ?? 0;
    return found;
  }

  /** Returns the text from a position to here. */
  since(start: number): string {
    return this.text.slice(start, this.at).join('');
  }
}
