const useColour = () => isTerminal() && !process.env.NO_COLOR;

/** Whether a person watches. In a kept sandbox standard output is a pipe, and the outside says what is behind it. */
function isTerminal(): boolean {
  return process.stdout.isTTY === true || process.env.CNIKIT_DEMO_TERMINAL === '1';
}

const paint = (code: number) => (text: string) => (useColour() ? `\x1b[${code}m${text}\x1b[0m` : text);
export const bold = paint(1);
export const dim = paint(2);
export const red = paint(31);
export const green = paint(32);
export const cyan = paint(36);

export const print = (text = '') => process.stdout.write(`${text}\n`);

/** The line of a step: shown while it runs where somebody watches, and when it has ended everywhere. */
export class ProgressLine {
  readonly #title: string;
  readonly #start = performance.now();

  constructor(title: string) {
    this.#title = title;
    if (isTerminal()) {
      process.stdout.write(`  ${cyan('…')} ${' '.repeat(8)}  ${title}`);
    }
  }

  /** @param outcome what there is to say beside the title, such as how many */
  end(passed: boolean, outcome = ''): void {
    const duration = dim(`${((performance.now() - this.#start) / 1000).toFixed(2)} s`.padStart(8));
    const said = outcome === '' ? '' : dim(`: ${outcome}`);
    const mark = passed ? green('✓') : red('✗');
    print(`${isTerminal() ? '\r\x1b[2K' : ''}  ${mark} ${duration}  ${this.#title}${said}`);
  }
}

/** A line that explains something, indented below its step. */
export const explain = (text = '') => print(text === '' ? '' : `              ${text}`);
