const useColour = () => isTerminal() && !process.env.NO_COLOR;

/**
 * Returns true when the output goes to a terminal. In a kept sandbox standard output is a pipe, so main.ts passes the
 * answer on in the environment.
 */
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

/** The line of a step. A terminal shows it while the step runs, every output when the step has ended. */
export class ProgressLine {
  readonly #title: string;
  readonly #start = performance.now();

  constructor(title: string) {
    this.#title = title;
    if (isTerminal()) {
      process.stdout.write(`  ${cyan('…')} ${' '.repeat(8)}  ${title}`);
    }
  }

  /** @param outcome details beside the title, such as a count */
  end(passed: boolean, outcome = ''): void {
    const duration = dim(`${((performance.now() - this.#start) / 1000).toFixed(2)} s`.padStart(8));
    const details = outcome === '' ? '' : dim(`: ${outcome}`);
    const mark = passed ? green('✓') : red('✗');
    print(`${isTerminal() ? '\r\x1b[2K' : ''}  ${mark} ${duration}  ${this.#title}${details}`);
  }
}

/** Prints a line of details, indented below its step. */
export const explain = (text = '') => print(text === '' ? '' : `              ${text}`);
