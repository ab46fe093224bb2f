import { CniError, definePlugin, ErrorCode, type Plugin, type Result } from '@cnikit/cni-spec';
import { decodeLinkSummary, type RtnetlinkCore, setLink } from '@cnikit/netlink/short-lived';
import type { Sys } from '@cnikit/sys';
import { requiredPrevResult } from '../../attachment/check-state.ts';
import { isIPv6, withoutLength } from '../../lib/prefix.ts';
import { openPodNamespace, openPodNamespaceIfExists, type PodNamespace } from '../../netns/pod-namespace.ts';

const LOOPBACK = 'lo';

/** The plugin `loopback`: brings the pod's `lo` up. It ignores CNI_IFNAME, CNI_ARGS and CNI_PATH. */
export function loopbackPlugin(sys: Sys): Plugin<unknown> {
  return definePlugin<unknown>({
    about: 'cnikit loopback: brings the loopback interface of a pod up',
    optionalEnv: ['CNI_PATH'],
    canonicalResults: true,
    add: ({ netns, prevResult }) =>
      within(openPodNamespace(sys, netns), (route) => {
        const { index, mac, up } = loopback(route);
        try {
          route.request(setLink({ index, up: true }));
          return prevResult ?? resultOf(route, index, mac, netns);
        } catch (error) {
          if (!up) {
            takeDown(sys, netns);
          }
          throw error;
        }
      }),
    del: ({ netns }) => takeDown(sys, netns),
    check(context) {
      requiredPrevResult(context);
      within(openPodNamespace(sys, context.netns), (route) => {
        if (!loopback(route).up) {
          throw new CniError(ErrorCode.Internal, 'loopback interface is down');
        }
      });
    },
  });
}

function takeDown(sys: Sys, netns: string): void {
  const pod = openPodNamespaceIfExists(sys, netns);
  if (pod !== undefined) {
    within(pod, (route) => route.request(setLink({ name: LOOPBACK, up: false })));
  }
}

function within<T>(pod: PodNamespace, body: (route: RtnetlinkCore) => T): T {
  try {
    return body(pod.route);
  } finally {
    pod.close();
  }
}

function loopback(route: RtnetlinkCore) {
  // A complete answer has 60 attributes; decoding them takes half of an ADD.
  const link = route.link({ name: LOOPBACK }, decodeLinkSummary);
  if (link === undefined) {
    throw new CniError(ErrorCode.Internal, `Interface ${LOOPBACK} is missing in the container`);
  }
  return link;
}

/** Returns the first address of each family, IPv4 before IPv6, as upstream lists them. */
function resultOf(route: RtnetlinkCore, index: number, mac: string | undefined, netns: string): Result {
  const held = route.addresses({ index }).map(({ address }) => address);
  const stranger = held.find((address) => !isLoopback(withoutLength(address)));
  if (stranger !== undefined) {
    throw new CniError(
      ErrorCode.Internal,
      `loopback interface found with non-loopback address "${withoutLength(stranger)}"`,
    );
  }
  const firsts = [held.find((address) => !isIPv6(address)), held.find(isIPv6)];
  return {
    interfaces: [{ name: LOOPBACK, mac, sandbox: netns }],
    ips: firsts.filter((one) => one !== undefined).map((address) => ({ address, interface: 0 })),
  };
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}
