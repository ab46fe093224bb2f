/** All that is tried, in its order: each leaves the pods of `podsOnEachNode` for the next. */
import type { Scenario } from '../bed.ts';
import { bandwidth } from './bandwidth.ts';
import { apiOutage, reboot, runtimeRestarts, upgrade } from './disturbances.ts';
import { doctor } from './doctor.ts';
import { troubleIsAnEvent } from './events.ts';
import { hostPort } from './host-port.ts';
import { install, notReadyBefore } from './install.ts';
import { nodeRemoval } from './node-removal.ts';
import { podsOnEachNode, podsPing } from './pods.ts';
import { scale } from './scale.ts';
import { services } from './services.ts';
import { podsLeaveNothing, uninstall } from './uninstall.ts';
import { watchFollows } from './watch.ts';

export const scenarios: readonly Scenario[] = [
  notReadyBefore,
  install,
  podsOnEachNode,
  podsPing,
  troubleIsAnEvent,
  doctor,
  services,
  hostPort,
  bandwidth,
  scale,
  runtimeRestarts,
  upgrade,
  apiOutage,
  watchFollows,
  reboot,
  podsPing,
  nodeRemoval,
  podsLeaveNothing,
  uninstall,
];
