/** The executable's program under Node; the first argument names the plugin. */
import { sys } from '@cnikit/sys';
import { programOver } from '../src/program.ts';

programOver(sys)(process.argv.slice(2));
