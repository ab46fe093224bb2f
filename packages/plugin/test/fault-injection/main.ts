/** The executable with a system call, chosen by the environment, that fails or ends the process. */
import { type Sys, SysError, sys } from '@cnikit/sys';
import { programOver } from '../../src/program.ts';
import { FAULT_AT, FAULT_MODE, FAULT_REACHED, KILLED } from './protocol.ts';

declare const __cnikit_argv: readonly string[];

const EIO = 5;
type Methods = Record<string, (...args: unknown[]) => unknown>;

let count = 0;
let at = 0;
let mode: string | undefined;

/** Calls that take effect even when they report an error, as in Linux. */
const ALWAYS_DONE = ['close', 'exit'];
/** Calls that have no effect when they fail. */
const NEVER_LATE = ['setns'];

function reached(name: string, call: () => unknown): unknown {
  sys.writeFdText(2, `${FAULT_REACHED}${name}\n`);
  if (mode === 'kill') {
    sys.exit(KILLED);
  }
  if (ALWAYS_DONE.includes(name) || (mode === 'late' && !NEVER_LATE.includes(name))) {
    call();
  }
  throw new SysError({ syscall: name, errno: EIO });
}

const failingSys: Methods = {};
for (const [name, method] of Object.entries(sys as unknown as Methods)) {
  failingSys[name] = (...args) => {
    const call = () => method(...args);
    return ++count === at ? reached(name, call) : call();
  };
}

const program = programOver(failingSys as unknown as Sys);

Object.assign(globalThis, {
  __cnikit_main: () => {
    const env = sys.environ();
    at = Number(env[FAULT_AT] ?? 0);
    mode = env[FAULT_MODE];
    program(__cnikit_argv);
  },
});
