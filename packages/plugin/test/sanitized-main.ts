/** The executable without a snapshot: each start runs the whole script. */
import { sys } from '@cnikit/sys';
import { programOver } from '../src/program.ts';

declare const __cnikit_argv: readonly string[];

programOver(sys)(__cnikit_argv);
