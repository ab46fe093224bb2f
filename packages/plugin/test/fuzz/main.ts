/**
 * Runs many invocations in one process, each from the program's start to its exit. Arguments: their number and the
 * seed. Prints a line for each finding, then the count of each error code.
 */
import { sys } from '@cnikit/sys';
import { programOver } from '../../src/program.ts';
import { randomOf } from '../random.ts';
import { type FuzzCase, fuzzCase } from './cases.ts';
import { Exit, refusingSys } from './refusing-sys.ts';
import { faultOf, refusalOf } from './verdict.ts';

declare const __cnikit_argv: readonly string[];

const NETNS = '/run/netns/fuzz';
const DATA_DIR = '/var/lib/fuzz';
/** Places where plugins may write. */
const PLACES = [DATA_DIR, '/var/lib/cni/networks/', '/run/cni/tuning', '/proc/sys/net/'];

const kernel = refusingSys(NETNS);
const program = programOver(kernel.sys);

function main(): void {
  const [, count, seed] = __cnikit_argv.map(Number);
  const codes: Record<string, number> = {};
  for (let i = 0; i < count!; i++) {
    const input = fuzzCase(randomOf(seed! + i), { netns: NETNS, dataDir: DATA_DIR });
    const finding = tried(input);
    if (finding !== undefined) {
      print({ seed: seed! + i, finding, input: JSON.stringify(input).slice(0, 2000) });
    }
    const code = kernel.reply.exitCode === 0 ? '0' : String(/"code":(\d+)/.exec(kernel.reply.stdout)?.[1]);
    codes[code] = (codes[code] ?? 0) + 1;
  }
  print({ codes });
}

function tried(input: FuzzCase): string | undefined {
  kernel.begin(input);
  try {
    program([`/opt/cni/bin/${input.plugin}`]);
  } catch (error) {
    if (!(error instanceof Exit)) {
      return `crash: ${error}\n${error instanceof Error ? error.stack : ''}`;
    }
    kernel.reply.exitCode = error.status;
  }
  // Without CNI_COMMAND it prints its help.
  if (!input.env.CNI_COMMAND) {
    return kernel.reply.exitCode === 0 ? undefined : kernel.reply.stdout;
  }
  const { attempts, reply } = kernel;
  const refusal = attempts.length > 0 ? refusalOf(reply) : undefined;
  return (
    faultOf(input, reply) ??
    (refusal === undefined ? strayOf(input, attempts) : `code ${refusal} after ${attempts.join(', ')}`)
  );
}

/** Returns an attempt to write outside the allowed places, which means that an invalid name was accepted. */
function strayOf({ stdin }: FuzzCase, attempts: readonly string[]): string | undefined {
  return attempts.find((attempt) => {
    const [call, path = ''] = [
      attempt.slice(0, attempt.indexOf(' ')),
      attempt.slice(attempt.indexOf(' ') + 1),
    ];
    if (call === 'netlink' || call === 'run') {
      return false;
    }
    const inPlace = PLACES.some((place) => path.startsWith(place)) && !path.split('/').includes('..');
    return !inPlace && !ownFolder(stdin, path);
  });
}

/** Returns true when the configuration itself names the folder, in any case, as an administrator may. */
function ownFolder(stdin: string, path: string): boolean {
  const named: string[] = [];
  JSON.parse(stdin, (key, value) => {
    if (key.toLowerCase() === 'datadir' && typeof value === 'string' && value !== '') {
      named.push(value);
    }
    return value;
  });
  return named.some((folder) => path.startsWith(folder) || folder.startsWith(path));
}

function print(line: object): void {
  sys.writeFdText(1, `${JSON.stringify(line)}\n`);
}

Object.assign(globalThis, { __cnikit_main: main });
