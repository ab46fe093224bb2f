/** The scenarios in their order: each leaves the pods of `podsOnEachNode` for the next. */
import type { Step } from '../context.ts';
import { bandwidth } from './bandwidth.ts';
import { churnUnderContainerd, churnUnderKubelet } from './churn.ts';
import { conformance } from './conformance.ts';
import { apiOutage, reboot, runtimeRestarts, upgrade } from './disturbances.ts';
import { clusterDns } from './dns.ts';
import { doctor } from './doctor.ts';
import { troubleIsAnEvent } from './events.ts';
import { foreignSources } from './foreign-sources.ts';
import { hostPort } from './host-port.ts';
import { install, notReadyBefore } from './install.ts';
import { failingPods, forcedDeletion, job, statefulSet, staticPod } from './lifecycles.ts';
import { networkPolicy } from './network-policy.ts';
import { nodeRemoval } from './node-removal.ts';
import { outOfWindow } from './out-of-window.ts';
import { podsOnEachNode, podsPing } from './pods.ts';
import { policyCut } from './policy-cut.ts';
import { proxyModeChanges } from './proxy-mode.ts';
import { scale } from './scale.ts';
import {
  hairpin,
  headless,
  localTrafficPolicy,
  noEndpoints,
  noEndpointsFromPod,
  services,
  sessionAffinity,
  sourceRanges,
} from './services.ts';
import { udpEndpointChanges } from './udp-service.ts';
import { podsLeaveNothing, uninstall } from './uninstall.ts';
import { userNamespace } from './user-namespace.ts';
import { watchFollows } from './watch.ts';

export const scenarios: readonly Step[] = [
  notReadyBefore,
  install,
  podsOnEachNode,
  podsPing,
  doctor,
  conformance,
  clusterDns,
  [
    // Its agents wait for half a minute.
    troubleIsAnEvent,
    services,
    headless,
    hairpin,
    sessionAffinity,
    localTrafficPolicy,
    sourceRanges,
    noEndpoints,
    noEndpointsFromPod,
    udpEndpointChanges,
    hostPort,
    outOfWindow,
    bandwidth,
    userNamespace,
  ],
  scale,
  [job, statefulSet, failingPods, staticPod],
  runtimeRestarts,
  // On different nodes.
  [churnUnderKubelet, churnUnderContainerd],
  forcedDeletion,
  proxyModeChanges,
  upgrade,
  foreignSources,
  networkPolicy,
  policyCut,
  apiOutage,
  watchFollows,
  reboot,
  podsPing,
  nodeRemoval,
  podsLeaveNothing,
  uninstall,
];
