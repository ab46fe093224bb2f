/**
 * The executable: its name, environment, stdin, stdout and exit code; everything else is in the plugins.
 *
 * The build evaluates this file and freezes the result, so nothing here may look at the machine outside of the
 * function that the host calls at start.
 */
import { sys } from '@cnikit/sys';
import { programOver } from './program.ts';

declare const __cnikit_argv: readonly string[];

const program = programOver(sys);

Object.assign(globalThis, { __cnikit_main: () => program(__cnikit_argv) });
