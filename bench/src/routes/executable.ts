/** Entry of the static executable: measures once in the network namespace it is run in. Argument: the link's index. */
import { openRtnetlink } from '@cnikit/netlink';
import { sys } from '@cnikit/sys';
import { measureOurs } from './ours.ts';

declare const __cnikit_argv: string[];

const rt = openRtnetlink();
const times = measureOurs(rt, Number(__cnikit_argv[1]), () => sys.monotonicMs());
rt.close();
sys.writeFdText(1, JSON.stringify(times));
