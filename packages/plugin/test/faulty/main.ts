/** The executable over a kernel that fails, or ends the process, at the call that the environment says. */
import { type Sys, SysError, sys } from '@cnikit/sys';
import { programOver } from '../../src/program.ts';
import { FAULT_AT, FAULT_MODE, FAULT_REACHED, KILLED } from './protocol.ts';

declare const __cnikit_argv: readonly string[];

const EIO = 5;
type Methods = Record<string, (...args: unknown[]) => unknown>;

let count = 0;
let at = 0;
let mode: string | undefined;

/** Done whatever is reported: so it is with Linux. */
const ALWAYS_DONE = ['close', 'exit'];
/** Fails by doing nothing, or not at all. */
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

const faulty: Methods = {};
for (const [name, method] of Object.entries(sys as unknown as Methods)) {
  faulty[name] = (...args) => {
    const call = () => method(...args);
    return ++count === at ? reached(name, call) : call();
  };
}

const program = programOver(faulty as unknown as Sys);

Object.assign(globalThis, {
  __cnikit_main: () => {
    const env = sys.environ();
    at = Number(env[FAULT_AT] ?? 0);
    mode = env[FAULT_MODE];
    program(__cnikit_argv);
  },
});
