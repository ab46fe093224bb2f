/** The executable's program under Node, as the plugin that the first argument names. */
import { sys } from '@cnikit/sys';
import { programOver } from '../src/program.ts';

programOver(sys)(process.argv.slice(2));
