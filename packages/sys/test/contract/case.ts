/** Cases and assertions of the contract. They use only `Sys` and the language, so that they run anywhere. */
import { errnoOf, type Sys, SysError } from '@cnikit/sys';
import { type InternalSys, internal } from '@cnikit/sys/internal';

export interface Case {
  /** "method() does x". */
  name: string;
  /** Throws when the adapter is wrong. `dir` is a separate empty directory. */
  run(sys: InternalSys, dir: string): void;
}

export function equal(actual: unknown, expected: unknown): void {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== e) {
    throw new Error(`Got ${clip(a)}, expected ${clip(e)}`);
  }
}

function clip(text: string | undefined): string {
  return text !== undefined && text.length > 200 ? `${text.slice(0, 200)}...` : String(text);
}

export function fails(code: string, path: string | undefined, body: () => unknown): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof SysError)) {
      throw error;
    }
    equal([error.code, error.errno, error.path], [code, errnoOf(code), path]);
    return;
  }
  throw new Error(`Did not fail, expected ${code}`);
}

/** Runs one case in a fresh directory below `base`. */
export function runCase(sys: Sys, base: string, { run }: Case): void {
  const dir = `${base}/case-${[...sys.randomBytes(6)].map((b) => b.toString(16)).join('')}`;
  sys.mkdir(dir);
  try {
    run(internal(sys), dir);
  } finally {
    sys.run(['rm', '-rf', dir]);
  }
}
