/** The executable without a snapshot, whose script is run from its beginning at each start. */
import { sys } from '@cnikit/sys';
import { programOver } from '../src/program.ts';

declare const __cnikit_argv: readonly string[];

programOver(sys)(__cnikit_argv);
